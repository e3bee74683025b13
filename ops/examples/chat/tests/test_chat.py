from src.actors.chat import chat

NEED = [{"role": "user", "text": "I need a holiday."}]


async def test_the_answer_streams_and_is_the_result(sooner) -> None:
    document = await sooner.run(chat, messages=NEED, pause=0)

    output = (await sooner.client.get(f"/jobs/{document['id']}/output")).json()
    assert output["items"] == ["Why ", "do ", "you ", "want ", "a ", "holiday?"]
    assert document["result"] == "".join(output["items"])


async def test_the_actor_is_a_function() -> None:
    words = [word async for word in chat(messages=[], pause=0)]

    assert "".join(words) == "Hello. What brings you here?"
