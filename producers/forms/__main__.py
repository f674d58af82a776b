"""`python -m producers.forms FILE NAME THANKS [MAPPING]`: add a form on a page to the file of keys, and print its address.

THANKS is the page that visitors are sent to; MAPPING the name of a file beside the file of keys, for fields with other names.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import ValidationError

from producers.files.mapping import MappingError
from producers.forms.mapping import load_form_mapping
from producers.keys import KeysError
from producers.keys.changes import add_source
from producers.keys.page_form import PageForm


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1, and why, when it cannot be added; 2 when the command is not complete."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) not in (3, 4):
        sys.stderr.write("usage: python -m producers.forms FILE NAME THANKS [MAPPING]\n")
        return 2
    said = {"thanks": given[2]} | ({"mapping": given[3]} if len(given) == 4 else {})
    try:
        form = PageForm.model_validate(said)
        if form.mapping is not None:
            load_form_mapping(Path(given[0]).with_name(form.mapping))  # without one visitors would be answered 503
        add_source(Path(given[0]), given[1], public=True, form=form)
    except ValidationError as error:
        what = str(error.errors()[0]["loc"][0])
        wanted = {
            "thanks": "an address such as https://shop.example/thanks, in ASCII as browsers copy it",
            "mapping": "the name of a file, without a path",
        }
        sys.stderr.write(f"{said[what]!r} is not {wanted[what]}\n")
        return 1
    except (KeysError, MappingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"/v1/forms/{given[1]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
