"""`python -m sinks.activation`: the service, with the settings of the environment."""

from __future__ import annotations

import sys

from sinks.activation.service import main

sys.exit(main())
