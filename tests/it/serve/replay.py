"""The statements of a tool, one after another, by PostgreSQL's extended protocol against `polytask serve --pg`.

What is checked: that every statement of the files has an answer, prepared, with its rows as text and as binary; and that an
answer holds the words that a comment line `-- expects: WORD, WORD` before its statement names, each as the whole of a value.

In: the address of a server as the first argument, files of statements that each end with `;` as the others; the server's
password, if it has one, in PGPASSWORD. Out: a line for each file; exit code 1 if a statement failed, with each that did.
"""

import re
import sys
from pathlib import Path

import psycopg

# A quoted text, a quoted name, a comment, or the end of a statement.
PART = re.compile(r"""[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|;""")


def statements(script):
    """The statements of a script, each with the words that its answer is to hold and its line."""
    begin = 0
    for part in PART.finditer(script):
        if part.group() != ";":
            continue
        whole = script[begin : part.start()]
        body = re.sub(r"\A(?:\s*(?:--[^\n]*)?\n)*", "", whole)
        above = whole[: len(whole) - len(body)]
        words = [word.strip() for line in re.findall(r"-- expects:(.*)", above) for word in line.split(",")]
        yield body.strip(), words, script.count("\n", 0, begin + len(above)) + 1
        begin = part.end()
    assert not re.sub(r"--[^\n]*", "", script[begin:]).strip(), f"the last statement ends with `;`: {script[begin:].strip()}"


def values(rows):
    """The values of rows as texts, those of lists one by one."""
    for row in rows:
        for value in row:
            for one in value if isinstance(value, list) else [value]:
                yield one.decode(errors="replace") if isinstance(one, bytes) else str(one)


def ask(connection, statement, words):
    """Why the answer is not what it should be; None if it is."""
    for binary in (False, True):
        form = "binary" if binary else "text"
        try:
            with connection.cursor(binary=binary) as cursor:
                cursor.execute(statement, prepare=True)
                found = set(values(cursor.fetchall())) if cursor.description else set()
        except psycopg.Error as error:
            return f"as {form}, {error.sqlstate}: {error}"
        except (ValueError, ArithmeticError) as error:
            return f"as {form}: a value is not of the type that was announced: {error}"
        missing = [word for word in words if word not in found]
        if missing:
            return f"as {form}: the answer does not hold {', '.join(missing)}, but {', '.join(sorted(found)[:20]) or 'nothing'}"
    return None


def main():
    host, _, port = sys.argv[1].rpartition(":")
    failed = 0
    for file in map(Path, sys.argv[2:]):
        asked = 0
        with psycopg.connect(host=host.strip("[]"), port=port, user="ann", dbname="polytask", autocommit=True) as connection:
            for statement, words, line in statements(file.read_text(encoding="utf-8")):
                asked += 1
                wrong = ask(connection, statement, words)
                if wrong:
                    failed += 1
                    print(f"{file.name}:{line}: {wrong}\n    {' '.join(statement.split())[:300]}")
                if connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
                    connection.execute("rollback")
        assert asked > 0, f"{file.name} has statements"
        print(f"{file.name}: {asked} statements")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
