#!/usr/bin/env python3
"""Boots Debian's cloud kernel in an emulated machine (no /dev/kvm is needed) that has control groups of version 2 only, and
runs the hostile suite and the road in it with our static programs.

Usage: run.py BUILD_DIR      a release build with tests
AIRLOCK_VM_KERNEL names a kernel image; without it Debian's is fetched into BUILD_DIR/vm with apt-get and not installed.
Exit 77: there is no emulator here, or no kernel to be had.
"""
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
SECONDS = 900


def kernel(build):
    if "AIRLOCK_VM_KERNEL" in os.environ:
        return pathlib.Path(os.environ["AIRLOCK_VM_KERNEL"])
    folder = build / "vm"
    found = sorted(folder.glob("boot/vmlinuz-*"))
    if found:
        return found[-1]
    folder.mkdir(exist_ok=True)
    listing = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"], check=True, capture_output=True, text=True).stdout
    package = re.search(r"Depends: (linux-image-\S+)", listing).group(1)
    subprocess.run(["apt-get", "-qq", "download", package], check=True, cwd=folder)
    for archive in folder.glob("linux-image-*.deb"):
        subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], check=True, stdout=(folder / "image.tar").open("wb"))
        subprocess.run(["tar", "-xf", "image.tar", "--wildcards", "./boot/vmlinuz-*"], check=True, cwd=folder)
        archive.unlink()
    (folder / "image.tar").unlink()
    return sorted(folder.glob("boot/vmlinuz-*"))[-1]


class Archive:
    """A cpio archive of the kind that the kernel unpacks (newc)."""

    def __init__(self):
        self.parts, self.made, self.number = [], set(), 0

    def entry(self, path, mode, content=b""):
        self.number += 1
        name = path.encode() + b"\0"
        fields = [self.number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0]
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
        self.parts += [head, b"\0" * (-len(head) % 4), content, b"\0" * (-len(content) % 4)]

    def file(self, path, content, mode=0o755):
        folder = ""
        for part in path.split("/")[:-1]:
            folder += ("/" if folder else "") + part
            if folder not in self.made:
                self.made.add(folder)
                self.entry(folder, stat.S_IFDIR | 0o755)
        self.entry(path, stat.S_IFREG | mode, content)

    def bytes(self):
        self.entry("TRAILER!!!", 0)
        return b"".join(self.parts)


def make_kit(build, folder):
    """A signed kit and its key, made on this side of the gap."""
    airlock = build / "bin/airlock"
    environment = {**os.environ, "AIRLOCK_HOME": str(folder / "builder"), "AIRLOCK_CONFIG": ""}
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "env": environment, "cwd": folder}
    subprocess.run([airlock, "key", "generate", "--out", "publisher"], **quiet)
    subprocess.run([SOURCE / "scripts/make-kit", build, "kit"], **quiet)
    subprocess.run([airlock, "bundle", "build", "kit", "-o", "kit.airlock.tar.zst", "--key", "publisher.key"], **quiet)
    return {"road/publisher.pub": folder / "publisher.pub", "road/kit.airlock.tar.zst": folder / "kit.airlock.tar.zst"}


def initramfs(build, folder):
    archive = Archive()
    archive.file("init", (SOURCE / "tests/vm/guest.sh").read_bytes())
    programs = {"bin/busybox": pathlib.Path(shutil.which("busybox")), "bin/airlock": build / "bin/airlock", "bin/airlock-verify": build / "bin/airlock-verify"}
    suite, hostile = build / "tests/kernel/test_kernel", build / "tests/kernel/airlock_hostile"
    archive.file("tests/kernel-program", b"/tests/test_kernel\n", 0o644)
    programs.update({"tests/test_kernel": suite, "tests/airlock_hostile": hostile})
    for path, source in {**programs, **make_kit(build, folder)}.items():
        archive.file(path, source.read_bytes())
    return archive.bytes()


def main(build):
    for program in ("qemu-system-x86_64", "busybox"):
        if shutil.which(program) is None:
            print(f"{program} is not installed")
            return 77
    try:
        image_of_kernel = kernel(build)
    except (subprocess.CalledProcessError, AttributeError, IndexError) as error:
        print(f"no kernel could be fetched: {error}")
        return 77
    with tempfile.TemporaryDirectory(prefix="airlock-vm-") as scratch:
        folder = pathlib.Path(scratch)
        image = folder / "initramfs"
        image.write_bytes(initramfs(build, folder))
        command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "2048", "-nographic", "-no-reboot", "-nic", "none",
                   "-kernel", str(image_of_kernel), "-initrd", str(image), "-append", "console=ttyS0 panic=-1 quiet"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired as late:
            print((late.stdout or b"").decode(errors="replace"))
            sys.exit(f"the machine did not end within {SECONDS} seconds")
    said = done.stdout.decode(errors="replace").replace("\r", "")
    print(said)
    return 0 if "guest: all of it passed" in said else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
