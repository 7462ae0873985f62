// What a page can do beyond being read: stay right, be searched and walked through with keys, open its dialogs.

import { keepRight } from "./live.js";
import { ageing } from "./ages.js";
import { filters } from "./filters.js";
import { keys } from "./keys.js";
import { dialogs } from "./dialogs.js";

ageing();
filters();
keys();
dialogs();
keepRight();
