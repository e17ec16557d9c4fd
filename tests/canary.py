"""Listens to every log line of the whole suite for what must never stand in one: secrets, titles, people, addresses.

What those are is learnt while the tests run: passwords and feed tokens as they are made, access tokens as vendors
give them, the secrets of every source, names of people, and whatever an event says that is encoded or decoded. Lines are
heard as production would write them, our own loggers at DEBUG, others from the level at which they are heard.
"""

from __future__ import annotations

import functools
import io
import logging
import re
from pathlib import Path

from bridge import log
from bridge.config import secret_names

WORD_CHARS_MIN = 6
"""Shorter words occur by chance: a title may be "a"."""
WORD_CHARS_MAX = 200
WORDS_MAX = 4000
"""Words remembered; the oldest are forgotten."""
LINES_MAX = 5000
"""Different lines of one test that are kept."""

OURS = ("bridge", "radicale_plugin")
SPEAKS = re.compile(
    r"[\w.+-]+@[\w-]+\.[a-z]{2,}|(?:access_token|corpsecret|appsecret|client_?secret)=(?!\*\*\*)\S|/feed/(?!\*\*\*)\S|(?:Basic|Bearer) (?!\*\*\*)\S",
    re.IGNORECASE,
)
"""What is wrong in any line, whoever's it is."""
_VARIES = re.compile(r"[0-9a-f]{6,}|\d+")
SOURCES = Path(__file__).parents[1]


@functools.cache
def code():
    """Return our own code as one text, without the simulators."""
    files = [*(SOURCES / "bridge").rglob("*.py"), *(SOURCES / "radicale_plugin").rglob("*.py")]
    texts = (file.read_text(encoding="utf-8") for file in files if "simulator" not in file.parts)
    return "\n".join(texts).lower()


@functools.cache
def vocabulary():
    """Return the words that our own code uses: a title that is one of them says nothing, wherever it occurs.

    The simulators do not count: they are full of people and titles.
    """
    return frozenset(re.findall(r"[a-z_]{6,}", code()))


class Canary(logging.Handler):
    """Keeps the lines of one test, and the words of all."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.set_name("canary")
        self._writes = log.build_handler("json", stream=io.StringIO())
        self.words = {}
        self.lines = {}

    def learn(self, *texts):
        """Remember words that must not be in a line from now on."""
        for text in texts:
            word = str(text or "").strip()[:WORD_CHARS_MAX]
            if len(word) < WORD_CHARS_MIN or word.lower() in vocabulary() or word.isdigit():
                continue
            self.words.pop(word, None)
            self.words[word] = True
            if len(self.words) > WORDS_MAX:
                self.words.pop(next(iter(self.words)), None)

    def emit(self, record):
        if not record.name.startswith(OURS) and record.levelno < _heard_from(record.name):
            return
        if not self._writes.filter(record):
            return
        line = self._writes.format(record)
        if len(self.lines) < LINES_MAX:
            self.lines.setdefault(_VARIES.sub("#", line), line)

    def forget_lines(self):
        self.lines = {}

    def told(self):
        """Return (word, line) of everything that should not have been said."""
        lines = list(self.lines.values())
        text = "\n".join(lines)
        if not text:
            return []
        # Hypothesis takes constants out of our code for its texts: "vendor.called" is a title then.
        found = [word for word in list(self.words) if word in text and word.lower() not in code()]
        found += [match.group() for match in SPEAKS.finditer(text)]
        return [(word, line) for word in found for line in lines if word in line]


def _heard_from(name):
    """Return the level from which production hears a foreign logger."""
    while name:
        if name in log.QUIET:
            return log.QUIET[name]
        name = name.rpartition(".")[0]
    return logging.WARNING


def learn_from_the_code(canary):
    """Let the places where secrets are made and titles pass tell them to the canary."""
    from bridge.engine.administer.accounts import Accounts
    from bridge.engine.administer.feeds import Feeds
    from bridge.providers.auth import TokenKeeper
    from bridge.providers.dingtalk.mapper import DingTalkMapper
    from bridge.providers.dingtalk.provider import DingTalkProvider
    from bridge.providers.wecom.mapper import WeComMapper
    from bridge.providers.wecom.provider import WeComProvider

    def secrets_of(args, _answer):
        source = args[1]
        canary.learn(*(getattr(source, name) for name in secret_names(type(source))))

    def words_of(event):
        canary.learn(event.summary, event.location, event.description)
        for person in (event.organizer, *event.attendees):
            if person is not None:
                canary.learn(getattr(person, "address", ""), getattr(person, "name", ""))

    heard = (
        (Accounts, "_new_password", lambda _args, made: canary.learn(made.password)),
        (Accounts, "user_add", lambda args, _made: canary.learn(args[1])),
        (Feeds, "feed_add", lambda _args, made: canary.learn(made.token)),
        (TokenKeeper, "_from_vendor", lambda _args, token: canary.learn(token.text)),
        (WeComProvider, "__init__", secrets_of),
        (DingTalkProvider, "__init__", secrets_of),
        *(
            (mapper, "encode", lambda args, _made: words_of(args[1]))
            for mapper in (WeComMapper, DingTalkMapper)
        ),
        *(
            (mapper, "decode", lambda _args, event: words_of(event))
            for mapper in (WeComMapper, DingTalkMapper)
        ),
    )
    for kind, name, tell in heard:
        setattr(kind, name, _telling(getattr(kind, name), tell))


def _telling(function, tell):
    @functools.wraps(function)
    def called(*args, **named):
        answer = function(*args, **named)
        tell(args, answer)
        return answer

    return called
