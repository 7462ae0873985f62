"""``python -m kuberpult_cli``."""

import sys

from kuberpult_cli.main import main

sys.exit(main())
