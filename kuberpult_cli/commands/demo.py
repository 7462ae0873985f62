"""``kuberpult demo``: the main job on an example repository, told step by step."""
import click
@click.command()
def command() -> None:
    """x"""
