#!/usr/bin/env python3
"""Writes the manual pages of the library from the contracts in its headers, so that the two cannot differ.

    man3.py INCLUDE_DIR OUT_DIR VERSION

A comment and the declarations right below it make one page, named after the first function; the others are links to it. Each header has
an overview: its first comment, its types, and its functions in their order. Deterministic; the standard library only.
"""
import pathlib
import re
import sys

# header: (page, what the overview's NAME line says, the library to link with)
HEADERS = {
    "leasehold.h": ("leasehold", "one active copy of a program on Kubernetes: the library", "leasehold"),
    "cluster.h": ("leasehold_cluster", "views of groups shared by the parts of a program", "leasehold"),
    "testing.h": ("leasehold_testing", "a test double of libleasehold", "leasehold\\-testing"),
    "errors.h": ("leasehold_errors", "error codes of the library", "leasehold"),
}
SUMMARY_BYTES = 100


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def comment_lines(block):
    """The text of a /* */ comment, line by line, without its stars."""
    text = block.strip()[2:-2]
    return [re.sub(r"^ ?\* ?", "", line).rstrip() for line in text.strip("\n").split("\n")]


def paragraphs(lines):
    """(kind, lines) with kind text, item or code."""
    out, kind = [], None
    for line in lines:
        if not line.strip():
            kind = None
            continue
        this = "code" if line.startswith("    ") else "item" if line.lstrip().startswith("- ") else "text"
        if this == "text" and kind == "item" and line.startswith("  "):
            this = "item-more"
        if this == "item" or kind is None or (this in ("text", "code") and this != kind):
            out.append((this, [line.strip() if this != "code" else line[4:]]))
        else:
            out[-1][1].append(line.strip() if this != "code" else line[4:])
        kind = "item" if this == "item-more" else this
    return out


def roff(parts):
    out = []
    for kind, lines in parts:
        if kind == "code":
            out += [".PP", ".in +4n", ".EX", *map(escape, lines), ".EE", ".in"]
        elif kind == "item":
            out += [".IP \\(bu 2", escape(" ".join([lines[0][2:], *lines[1:]]))]
        else:
            out += [".PP", escape(" ".join(lines))]
    return out


def summary(lines):
    """The first sentence as a NAME line has it."""
    text = " ".join(line for line in lines if line.strip())
    sentence = re.split(r"(?<=[a-z0-9)\"])[.:;](?:\s|$)", text, maxsplit=1)[0]
    if len(sentence) > SUMMARY_BYTES:
        sentence = sentence[:SUMMARY_BYTES].rsplit(" ", 1)[0].rstrip(",") + " \N{HORIZONTAL ELLIPSIS}"
    return sentence


def functions_of(text):
    """[(comment lines, [declarations])] of a header, in its order."""
    found = []
    pattern = re.compile(r"(/\*(?:(?!\*/).)*\*/)\n((?:(?:LEASEHOLD_EXPORT|static inline)[^;{]*[;{][^\n]*\n)+)", re.S)
    for match in pattern.finditer(text):
        declarations = []
        for one in re.findall(r"(?:LEASEHOLD_EXPORT|static inline)\s+([^;{]*)[;{]", match.group(2)):
            declarations.append(" ".join(one.split()))
        found.append((comment_lines(match.group(1)), declarations))
    return found


def name_of(declaration):
    return re.search(r"(\w+)\s*\(", declaration).group(1)


def synopsis(header, library, declarations):
    out = [".SH SYNOPSIS", ".nf", f"#include <leasehold/{header}>", ""]
    out += [f"{escape(d)};" for d in declarations]
    return out + [".fi", ".PP", f"Link with \\-l{library}."]


def head(page, version, name_line):
    return [f'.\\" Written from include/leasehold by scripts/man3.py.', f'.TH {page.upper()} 3 "" "leasehold {version}" "Library"', ".SH NAME",
            name_line]


def function_page(header, overview, library, lines, declarations, version):
    names = [name_of(d) for d in declarations]
    out = head(names[0], version, f"{', '.join(names)} \\- {escape(summary(lines))}")
    out += synopsis(header, library, declarations)
    parts = paragraphs(lines)
    told = [p for p in parts if p[0] == "text" and re.match(r"(Returns|Errors)\b", p[1][0])]
    out += [".SH DESCRIPTION", *roff([p for p in parts if p not in told])]
    if told:
        out += [".SH RETURN VALUE", *roff(told)]
    return "\n".join([*out, ".SH SEE ALSO", f".BR {overview} (3),", ".BR leasehold_errors (3),", ".BR leasehold (1)"]) + "\n"


def types_of(text):
    """Every struct and enum with its comments, as written."""
    return re.findall(r"(?:/\*(?:(?!\*/).)*\*/\n)?(?:struct \w+|enum) \{.*?\n\};|(?:/\*(?:(?!\*/).)*\*/\n)?enum \{[^\n]*\};", text, re.S)


def overview_page(header, text, functions, version):
    page, what, library = HEADERS[header]
    out = head(page, version, f"{page} \\- {escape(what)}")
    out += [".SH SYNOPSIS", ".nf", f"#include <leasehold/{header}>", ".fi", ".PP", f"Link with \\-l{library}: pkg\\-config \\-\\-libs {library}."]
    first = re.search(r"/\*.*?\*/", text, re.S).group(0)
    out += [".SH DESCRIPTION", *roff(paragraphs(comment_lines(first)))]
    if functions:
        out += [".SH FUNCTIONS"]
        for lines, declarations in functions:
            names = ", ".join(f"{name_of(d)}(3)" for d in declarations)
            out += [".TP", f".B {names}", escape(summary(lines))]
    types = types_of(text)
    if types:
        out += [".SH TYPES"]
        for one in types:
            out += [".PP", ".in +4n", ".EX", *map(escape, one.split("\n")), ".EE", ".in"]
    others = [f".BR {other} (3)," for other, _, _ in HEADERS.values() if other != page]
    return "\n".join([*out, ".SH SEE ALSO", *others, ".BR leasehold (1)"]) + "\n"


def main(include, out, version):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for header, (page, _, library) in HEADERS.items():
        text = (pathlib.Path(include) / "leasehold" / header).read_text()
        functions = functions_of(text)
        (out / f"{page}.3").write_text(overview_page(header, text, functions, version))
        for lines, declarations in functions:
            names = [name_of(d) for d in declarations]
            (out / f"{names[0]}.3").write_text(function_page(header, page, library, lines, declarations, version))
            for name in names[1:]:
                (out / f"{name}.3").write_text(f".so man3/{names[0]}.3\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
