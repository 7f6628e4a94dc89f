#!/usr/bin/env python3
"""Draws what in this folder is drawn: images of the real series, logs told from the real trace,
and the settings with planted secrets. Same input, same bytes; needs nothing but Python 3.

    python3 corpus/generate.py        (from the repository's root)
"""
import csv
import hashlib
import pathlib
import shutil
import struct
import zlib

HERE = pathlib.Path(__file__).resolve().parent
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def body(name, length, alphabet=ALPHABET):
    """A random-looking text that is a function of its name: no real secret was ever equal to it."""
    text, counter = "", 0
    while len(text) < length:
        digest = hashlib.sha256(f"ainur demo corpus {name} {counter}".encode()).digest()
        text += "".join(alphabet[byte % len(alphabet)] for byte in digest)
        counter += 1
    return text[:length]


def write(path, text):
    path = HERE / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def png(path, pixels, width, height):
    """Writes rows of RGB bytes."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    rows = b"".join(b"\0" + pixels[y * width * 3 : (y + 1) * width * 3] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    write(path, b"\x89PNG\r\n\x1a\n" + data)


def plot(path, values, width=1200, height=480):
    """A line over a shaded background, one column of pixels at a time."""
    low, high = min(values), max(values)
    span = (high - low) or 1
    pixels = bytearray()
    for y in range(height):
        shade = 255 - 40 * y // height
        pixels += bytes((shade, shade, 255)) * width
    for x in range(width):
        part = values[x * len(values) // width : max((x + 1) * len(values) // width, x * len(values) // width + 1)]
        top = height - 1 - int((max(part) - low) / span * (height - 1))
        bottom = height - 1 - int((min(part) - low) / span * (height - 1))
        for y in range(top, min(bottom + 2, height)):
            at = (y * width + x) * 3
            pixels[at : at + 3] = bytes((20, 60 + x * 150 // width, 120))
    png(path, bytes(pixels), width, height)


def heatmap(path, values, width=512):
    """Values as coloured cells, noisy as a photograph is."""
    low, high = min(values), max(values)
    span = (high - low) or 1
    height = len(values) // width
    pixels = bytearray()
    for value in values[: width * height]:
        level = int((value - low) / span * 255)
        pixels += bytes((level, (level * level) >> 8, 255 - level))
    png(path, bytes(pixels), width, height)


def series(path, column):
    with open(HERE / path, newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return [float(row[column]) for row in rows if row[column]]


def logs():
    """Access and scheduler logs as a service that answered the trace's requests would write them."""
    paths = ["/v1/complete", "/v1/chat", "/v1/embed", "/v1/status"]
    workers = [f"worker-{n:02}" for n in range(16)]
    with open(HERE / "data/azure/AzureLLMInferenceTrace_code.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    access, scheduler = [], []
    for number, row in enumerate(rows):
        asked, given = int(row["ContextTokens"]), int(row["GeneratedTokens"])
        digest = hashlib.sha256(f"{number} {asked} {given}".encode()).digest()
        when = row["TIMESTAMP"].replace(" ", "T")[:23] + "Z"
        client = f"10.{digest[0] % 8}.{digest[1]}.{digest[2]}"
        status = 200 if digest[3] > 6 else (429 if digest[3] > 2 else 503)
        milliseconds = 12 + asked // 9 + given * 23
        request = digest[4:12].hex()
        access.append(
            f'{client} - - [{when}] "POST {paths[digest[12] % 4]} HTTP/1.1" {status} {given * 4 + 180} '
            f'{milliseconds} "request={request}"'
        )
        worker = workers[digest[13] % 16]
        scheduler.append(
            f"{when} INFO scheduler: placed request={request} worker={worker} context_tokens={asked}"
        )
        if status != 200:
            scheduler.append(
                f"{when} WARN scheduler: refused request={request} status={status} queue={digest[14]}"
            )
        elif number % 3 == 0:
            scheduler.append(
                f"{when} DEBUG {worker}: finished request={request} generated_tokens={given} "
                f"duration_ms={milliseconds}"
            )
    third = len(access) // 3
    for part in range(3):
        end = (part + 1) * third if part < 2 else len(access)
        write(f"logs/access.{part}.log", "\n".join(access[part * third : end]) + "\n")
    write("logs/scheduler.log", "\n".join(scheduler) + "\n")


def settings():
    """Configuration as it should not be kept: each has one planted secret, listed in MANIFEST.md."""
    low = "abcdefghijklmnopqrstuvwxyz"
    hexadecimal = "0123456789abcdef"
    aws = "AKIA" + body("aws id", 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    write(
        "config/deploy.env",
        "# Deployment of the demo. Every value in this file is invented.\n"
        "AWS_REGION=eu-central-1\n"
        f"AWS_ACCESS_KEY_ID={aws}\n"
        "LOG_LEVEL=info\n",
    )
    write(
        "config/storage.env",
        f"BUCKET=demo-archive\nAWS_SECRET_ACCESS_KEY={body('aws secret', 40)}\n",
    )
    write(
        "config/ci.yaml",
        "name: nightly\non:\n  schedule:\n    - cron: '17 3 * * *'\n"
        f"env:\n  GH_TOKEN: ghp_{body('github', 36)}\n"
        "jobs:\n  test:\n    steps:\n      - run: cargo test\n",
    )
    write(
        "config/.npmrc",
        "registry=https://registry.npmjs.org/\n"
        f"//registry.npmjs.org/:_authToken=npm_{body('npm', 36)}\n",
    )
    write(
        "config/database.toml",
        f'[primary]\nurl = "postgres://ledger:{body("postgres", 14)}@db.internal:5432/ledger"\n'
        "pool = 16\n\n"
        f'[replica]\nurl = "mysql://reader:{body("mysql", 14)}@replica.internal/ledger"\npool = 4\n',
    )
    key = body("ec key", 160) + "=="
    lines = "\n".join(key[at : at + 64] for at in range(0, len(key), 64))
    write(
        "config/signing.pem",
        f"-----BEGIN EC {'PRIVATE'} KEY-----\n{lines}\n-----END EC {'PRIVATE'} KEY-----\n",
    )
    token = ".".join(["eyJ" + body("jwt header", 33), "eyJ" + body("jwt claims", 80), body("jwt signature", 43)])
    write("config/session.http", f"GET /v1/status HTTP/1.1\nHost: api.internal\nAuthorization: Bearer {token}\n")
    write(
        "config/registry.json",
        '{\n  "registry": "registry.internal",\n'
        f'  "token": "{body("registry", 24)}",\n  "retries": 3\n}}\n',
    )
    write(
        "config/upload.cfg",
        "[pypi]\nusername = __token__\n"
        f"password = pypi-AgEI{body('pypi', 90)}\n",
    )
    write(
        "config/metrics.yaml",
        f"endpoint: https://metrics.internal/push\napi_key: {body('metrics', 32, low + hexadecimal)}\ninterval_s: 15\n",
    )
    write(
        "config/bot.ini",
        "[bot]\nname = reporter\n"
        f"client_secret = {body('bot', 40, hexadecimal)}\n",
    )
    write(
        "config/README.md",
        "# Settings\n\nThese must not be reported, because they say that they are examples:\n\n"
        "- `AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE`\n"
        "- `password = ${DATABASE_PASSWORD}`\n"
        "- `postgres://app:${PASSWORD}@db/app`\n"
        "- `api_key: your_api_key_goes_here_0001`\n",
    )


def images():
    plot("images/pageviews.png", series("data/wikipedia-pageviews/example_wp_log_R.csv", 1))
    requests = "data/azure/AzureLLMInferenceTrace_code.csv"
    plot("images/context-tokens.png", series(requests, 1))
    plot("images/generated-tokens.png", series(requests, 2))
    for path in sorted((HERE / "data/nab").rglob("*.csv"))[:6]:
        values = series(path.relative_to(HERE), 1)
        plot(f"images/{path.stem}.png", values, 800, 360)
    tokens = series(requests, 1) + series(requests, 2)
    heatmap("images/tokens.png", tokens * 4)


def backup():
    """A folder kept twice, as people do: its files are the same, byte for byte."""
    shutil.rmtree(HERE / "backup", ignore_errors=True)
    for folder in ["source/market", "source/primitives", "data/azure", "images", "config", "texts"]:
        shutil.copytree(HERE / folder, HERE / "backup" / folder)
    (HERE / "backup/logs").mkdir()
    shutil.copyfile(HERE / "logs/scheduler.log", HERE / "backup/logs/scheduler.log")


if __name__ == "__main__":
    logs()
    settings()
    images()
    backup()
