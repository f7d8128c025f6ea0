"""Reads the Dockerfile, as far as ours goes: stages of instructions, so that a test can do what each of them says."""

import os
import re


class Stage:
    """What stands from one FROM to the next: [(instruction, text)], continued lines joined, comments left out."""

    def __init__(self, base):
        self.base = base
        self.instructions = []

    def all(self, instruction):
        return [text for name, text in self.instructions if name == instruction]

    def commands(self):
        """Each command of the RUN lines, by itself."""
        return [command.strip() for text in self.all("RUN") for command in text.split("&&")]

    def packages(self):
        """What it installs with apt-get; build arguments, which are empty by default, left out."""
        words = [word for command in self.commands() if command.startswith("apt-get install")
                 for word in command.split()[2:]]
        return sorted(word for word in words if not word.startswith(("-", "$")))


def stages(path):
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file.read().split("\n") if not line.lstrip().startswith("#")]
    found = []
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).split("\n"):
        instruction, _, text = line.strip().partition(" ")
        text = " ".join(text.split())
        if instruction == "FROM":
            found.append(Stage(text.split()[0]))
        elif instruction and found:
            found[-1].instructions.append((instruction, text))
    return found


def let_through(path, source):
    """Does .dockerignore, written as ours is (nothing but what !lines name), send `source` to the builder?"""
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    return lines[0] == "*" and "!" + source.split(os.sep)[0] in lines
