"""Documents that must follow from the code: the table of errors, the commands they show, the links they make.

Usage: check_documents.py SOURCE_DIR ERRORS_DOC AIRLOCK
"""

import pathlib
import re
import subprocess
import sys
import unittest

ROOT, ERRORS_DOC, AIRLOCK = (pathlib.Path(a) for a in sys.argv[1:4])
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands():
    """(document, words after `airlock`) of every command shown with a prompt in a console block."""
    for document in DOCUMENTS:
        for block in re.findall(r"```console\n(.*?)```", document.read_text(encoding="utf-8"), re.S):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("$ airlock "):
                    yield document.name, line[len("$ airlock "):].split()


class Documents(unittest.TestCase):
    maxDiff = None

    def test_the_table_of_errors_is_the_one_in_the_code(self):
        generated = subprocess.run([ERRORS_DOC], check=True, capture_output=True, text=True).stdout
        self.assertEqual((ROOT / "docs/errors.md").read_text(encoding="utf-8"), generated, "run scripts/gen-docs")

    def test_every_command_and_option_that_is_shown_exists(self):
        seen = 0
        for document, words in commands():
            with self.subTest(document=document, command=" ".join(words)):
                names = []
                for word in words:
                    if not re.fullmatch(r"[a-z][a-z-]*", word) or len(names) == 3:
                        break
                    names.append(word)
                # A group takes a second word; a plain command takes an argument that may look like one.
                shown = subprocess.run([AIRLOCK, *names, "--help"], capture_output=True, text=True)
                while shown.returncode != 0 and len(names) > 1:
                    names.pop()
                    shown = subprocess.run([AIRLOCK, *names, "--help"], capture_output=True, text=True)
                self.assertEqual(shown.returncode, 0, shown.stderr)
                everywhere = subprocess.run([AIRLOCK, "--help"], capture_output=True, text=True).stdout
                for option in (w for w in words if re.fullmatch(r"--?[a-z][a-z-]*", w)):
                    self.assertIn(option, shown.stdout + everywhere)
                seen += 1
        self.assertGreater(seen, 10)

    def test_every_link_inside_the_repository_leads_somewhere(self):
        wrong = []
        for document in DOCUMENTS:
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
                if "://" not in target and not (document.parent / target).exists():
                    wrong.append(f"{document.name}: {target}")
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
