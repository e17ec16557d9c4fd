"""``backup``, ``restore``, ``verify``, ``migrate`` as an administrator types them."""

import json
import sqlite3
from contextlib import closing


def test_from_nothing_to_a_backup_and_back(queqiao, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    queqiao.config.write_text(
        f'[database]\nurl = "sqlite:///{tmp_path}/q.db"\n'
        + queqiao.config.read_text().split("[[source]]", 1)[0][:0]
    )
    early = queqiao("backup", "b.queqiao")
    assert (early.exit_code, "queqiao migrate" in early.output) == (1, True)
    assert queqiao("migrate").exit_code == 0
    with closing(sqlite3.connect("q.db")) as raw:
        raw.execute("INSERT INTO meta VALUES ('epoch', 'abcdef012345'), ('pepper', ?)", ("0" * 64,))
        raw.execute("INSERT INTO principal (name) VALUES ('alice')")
        raw.commit()
    done = queqiao("backup", "b.queqiao", "--json")
    assert json.loads(done.output)["rows"]["principal"] == 1
    assert queqiao("backup", "b.queqiao").exit_code == 1
    rehearsed = queqiao("restore", "b.queqiao", "--rehearse")
    assert (rehearsed.exit_code, "1 people" in rehearsed.output) == (0, True)
    done = queqiao("restore", "b.queqiao", "--json")
    assert json.loads(done.output)["kept_as"].startswith(str(tmp_path / "q.db.before-restore-"))
    assert queqiao("verify").output == "everything holds together\n"
    with closing(sqlite3.connect("q.db")) as raw:
        raw.execute("DELETE FROM meta WHERE key = 'epoch'")
        raw.commit()
    wrong = queqiao("verify")
    assert (wrong.exit_code, "verify --repair" in wrong.output) == (1, True)
    assert queqiao("verify", "--repair").exit_code == 0
    assert queqiao("verify", "--json").output == "[]\n"
