"""`python -m campaigns list` and `python -m campaigns run NAME`; also `python PATH/campaigns`."""

import os
import sys

if not __package__:  # started as a folder: its parent is what can be imported from
    sys.path[0] = os.path.dirname(os.path.abspath(sys.path[0]))

import importlib

import click

from campaigns.catalogue import CAMPAIGNS, Campaign
from sordino.cli.main import main
from sordino.cli.shared.output import print_json, print_table
from sordino.extras import needs

__all__ = ["campaigns"]

_NAMED: dict[str, Campaign] = {campaign.name: campaign for campaign in CAMPAIGNS}


class Runs(click.Group):
    """One command for each campaign; a module is imported when its campaign is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the catalogue's order."""
        return list(_NAMED)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The campaign's command; InputError where a package that it needs is missing."""
        if cmd_name not in _NAMED:
            return None
        campaign = _NAMED[cmd_name]
        with needs(f"campaign {campaign.name}", campaign.extra):
            module = importlib.import_module(f"campaigns.{campaign.module}")
        command: click.Command = module.main
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What the campaigns show, without importing them."""
        with formatter.section("Campaigns"):
            formatter.write_dl([(c.name, f"{c.shows}; {c.takes}") for c in CAMPAIGNS])


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n"
    "  python -m campaigns list\n"
    "  python -m campaigns run fuzz --trials 50 -o fuzz.md\n"
    "  DATA=path/to/data python -m campaigns run wer",
)
def campaigns() -> None:
    """Long measurements; their results are kept in docs/results."""


@campaigns.command("list", epilog="\b\nExample:\n  python -m campaigns list --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_command(as_json: bool) -> None:
    """What there is, what it shows and needs, how long it takes, and where the results are."""
    rows = [campaign.as_dict() for campaign in CAMPAIGNS]
    if as_json:
        print_json({"campaigns": rows})
        return
    print_table(
        ("campaign", "what it shows", "takes", "needs", "extra", "results"),
        [
            (c.name, c.shows, c.takes, ", ".join(c.needs), c.extra or "", row["page"] or "")
            for c, row in zip(CAMPAIGNS, rows, strict=True)
        ],
    )


campaigns.add_command(
    Runs(
        "run",
        help="Run a campaign; `run NAME --help` says what can be chosen.",
        epilog="\b\nExample:\n  python -m campaigns run cycles --seeds 3 --utterances 1",
    )
)

if __name__ == "__main__":
    main(command=campaigns, name="python -m campaigns")
