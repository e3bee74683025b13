import asyncio
import io
from pathlib import Path
from typing import Annotated

from PIL import Image, UnidentifiedImageError
from pydantic import Field

from sooner import Failure, FileResult, Limit, Upload, create_file, fetch_upload, job, scratch_folder


@job(concurrency=Limit(4, per="tenant"))
async def resize(image: Upload, width: Annotated[int, Field(ge=1, le=4096)] = 800) -> FileResult:
    """Makes an image smaller; the result is a PNG."""
    async with scratch_folder() as folder:
        path = await fetch_upload(image, folder)
        smaller = await asyncio.to_thread(resized, path, width)
    async with create_file("smaller.png", "image/png") as file:
        await file.write(smaller)
    return file.result


def resized(path: Path, width: int) -> bytes:
    """An image of at most this width, as PNG."""
    try:
        with Image.open(path) as image:
            image.thumbnail((width, image.height))
            written = io.BytesIO()
            image.save(written, "PNG")
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise Failure(f"The upload is no image to resize: {error}", type="no-image", again=False) from None
    return written.getvalue()
