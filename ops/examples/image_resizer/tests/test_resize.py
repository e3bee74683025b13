import io

import pytest
from PIL import Image
from src.actors.resize import resize

from sooner import Failure


async def upload(sooner, content: bytes) -> str:
    return (await sooner.client.post("/uploads", content=content)).json()["id"]


async def test_an_image_gets_smaller(sooner) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (400, 200), "teal").save(picture, "JPEG")

    document = await sooner.run(resize, image=await upload(sooner, picture.getvalue()), width=100)

    made = await sooner.client.get(f"/jobs/{document['id']}/result")
    assert made.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(made.content)).size == (100, 50)


async def test_an_upload_that_is_no_image_is_told(sooner) -> None:
    with pytest.raises(Failure, match="no image"):
        await sooner.run(resize, image=await upload(sooner, b"no image at all"))
