"""A tree like that of an offline kit, the same bytes on every machine: many small JSON documents and programs, a few large
files; about half of it compresses.

Shares of the bytes: 14 % advisories (small JSON), 8 % SBOMs, 5 % text, 27 % programs, 28 % blobs that do not compress, 18 %
files of fixed-size records.
"""

import random

MIB = 1 << 20
LARGE = 96 * MIB
WORDS = [b"module", b"package", b"advisory", b"fixed", b"introduced", b"range", b"severity", b"network", b"kernel", b"buffer",
         b"overflow", b"remote", b"parser", b"component", b"license", b"supplier", b"version", b"digest", b"release", b"source"]


def text(source, size):
    words = source.choices(WORDS, k=size // 7 + 1)
    return b" ".join(words)[:size]


def documents(source, size):
    """JSON lines with digests and versions in them: compresses about 1:3."""
    parts, length = [], 0
    while length < size:
        a, b, c = source.choice(WORDS), source.choice(WORDS), source.randrange(1 << 30)
        part = b'{"%s":"example.com/%s/%s-%d","fixed":"1.%d.%d","sha256":"%s"},\n' % (
            a, b, a, c % 977, c % 89, c % 13, source.randbytes(16).hex().encode())
        parts.append(part)
        length += len(part)
    return b"".join(parts)[:size]


def program(source, size):
    """Machine-code-like: random bytes between stretches that come again and again."""
    common = [source.randbytes(96) for _ in range(32)]
    return b"".join(source.choice(common) + source.randbytes(48) for _ in range(size // 144 + 1))[:size]


def records(source, size):
    return b"".join(n.to_bytes(8, "little") + source.randbytes(8) + b"\0" * 48 for n in range(size // 64 + 1))[:size]


def small_sizes(source, total, average):
    sizes = []
    while total > 0:
        size = min(total, 256 + int(source.expovariate(1 / average)))
        sizes.append(size)
        total -= size
    return sizes


def make(folder, size):
    """Writes the tree below `folder`; returns [(path relative to it, size)], sorted by path."""
    source = random.Random(1)
    files = []

    def write(path, content):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        files.append((path, len(content)))

    for share, average, name, content in [
            (0.14, 12_000, "osv/{n:03}/{i:05}.json", documents), (0.08, 60_000, "sboms/{n:03}/{i:05}.cdx.json", documents),
            (0.05, 20_000, "text/{n:03}/{i:05}.txt", text), (0.27, 80_000, "programs/{n:03}/{i:05}.bin", program)]:
        for i, length in enumerate(small_sizes(source, int(size * share), average)):
            write(name.format(n=i % 100, i=i), content(source, length))
    for share, name, content in [(0.28, "blobs/{i}.bin", lambda s, n: s.randbytes(n)), (0.18, "records/{i}.dat", records)]:
        left, i = int(size * share), 0
        while left > 0:
            write(name.format(i=i), content(source, min(left, LARGE)))
            left, i = left - LARGE, i + 1
    return sorted(files)
