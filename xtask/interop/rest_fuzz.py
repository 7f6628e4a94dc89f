"""Schemathesis asks a node whatever its OpenAPI document allows, and what it forbids.

Usage: rest_fuzz.py BASE_URL TOKEN [EXAMPLES]

It buys, cancels and adds things: point it at a node that nobody needs, or at
`cargo run -p ainur-api --example rest_server`, which prints a base URL and a token.
Skips with a message when Schemathesis is neither there nor can be installed.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import venv

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


def main(base: str, token: str, examples: str = "25") -> int:
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
                "-n", examples, "--exclude-path", "/v1/operations",
                "--continue-on-failure", "--warnings", "off", "--request-timeout", "20",
                "--no-color",
            ],
            check=False,
            cwd=folder,
        ).returncode


sys.exit(main(*sys.argv[1:]))
