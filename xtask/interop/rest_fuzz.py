"""Schemathesis asks a node whatever its OpenAPI document allows, and what it forbids.

Usage: rest_fuzz.py BASE_URL TOKEN [EXAMPLES]

Every run asks the same. With AINUR_FUZZ_LONG set it asks much more, and something else each time:
the seed it prints is given back as AINUR_FUZZ_SEED.

It buys, cancels and adds things: point it at a node that nobody needs, or at
`cargo run -p ainur-api --example rest_server`, which prints a base URL and a token.
Skips with a message when Schemathesis is neither there nor can be installed.
"""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import venv

# Draws the questions of a run that does not say otherwise.
SEED = 20261121
# Examples for each operation in a long run, at least.
LONG_EXAMPLES = 500

# What a valid purchase may still be refused with: money, and what is on offer.
# Waiting a minute for each of many tasks that nobody works on would take the day.
CONFIG = """
[parameters]
"query.wait" = 0

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 402, 403, 404, 409, 422, 429, 507]
"""


def schemathesis(folder: pathlib.Path) -> str | None:
    found = shutil.which("schemathesis")
    if found is not None:
        return found
    venv.create(folder / "venv", with_pip=True)
    installer = [folder / "venv/bin/pip", "install", "--quiet", "schemathesis>=4"]
    if subprocess.run(installer, check=False).returncode != 0:
        return None
    return str(folder / "venv/bin/schemathesis")


def drawn(examples: str) -> tuple[str, str]:
    """The seed of this run, and how many examples there are for each operation."""
    seed = int(os.environ.get("AINUR_FUZZ_SEED", SEED))
    if "AINUR_FUZZ_LONG" not in os.environ:
        return str(seed), examples
    if "AINUR_FUZZ_SEED" not in os.environ:
        seed = random.SystemRandom().randrange(2**32)
    print(f"AINUR_FUZZ_SEED={seed} AINUR_FUZZ_LONG=1 asks the same again", flush=True)
    return str(seed), str(max(int(examples), LONG_EXAMPLES))


def main(base: str, token: str, examples: str = "25") -> int:
    seed, examples = drawn(examples)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        program = schemathesis(folder)
        if program is None:
            print("skipped: Schemathesis cannot be installed here")
            return 0
        config = folder / "schemathesis.toml"
        config.write_text(CONFIG)
        # Operations can stop the node; they have golden files of their own.
        return subprocess.run(
            [
                program, "--config-file", str(config), "run", f"{base}/openapi.json",
                "-H", f"Authorization: Bearer {token}",
                "--checks", "all", "--phases", "examples,coverage,fuzzing",
                "--seed", seed, "-n", examples, "--exclude-path", "/v1/operations",
                "--continue-on-failure", "--warnings", "off", "--request-timeout", "20",
                "--no-color",
            ],
            check=False,
            cwd=folder,
        ).returncode


sys.exit(main(*sys.argv[1:]))
