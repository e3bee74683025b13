import asyncio
import re
from collections.abc import AsyncIterator

from pydantic import BaseModel, Field

from sooner import job

#: What is said back, by what is said: the first line that fits. A model of yours stands here, and yields its tokens.
ANSWERS = (
    (r"\bI (?:need|want) (.+?)[.!?]*$", "Why do you want {0}?"),
    (r"\bI am (.+?)[.!?]*$", "How long have you been {0}?"),
    (r"\b(hello|hi)\b", "Hello. What brings you here?"),
    (r".*", "Tell me more."),
)


class Message(BaseModel):
    role: str = Field(pattern="^(user|assistant)$")
    text: str


@job(time_limit=60)
async def chat(messages: list[Message], pause: float = 0.05) -> AsyncIterator[str]:
    """Answers the last message, word by word."""
    said = messages[-1].text if messages else "hello"
    for word in re.findall(r"\S+\s*", answer(said)):
        yield word
        await asyncio.sleep(pause)


def answer(said: str) -> str:
    """What is said back."""
    for pattern, text in ANSWERS:
        if found := re.search(pattern, said, re.IGNORECASE):
            return text.format(*found.groups())
    return ""
