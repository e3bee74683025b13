"""`python -m src.settings`: names every offender among the web process's settings and exits 78, or says nothing.

The Procfile's web line asks this first: where uvicorn has several children it starts each again and again that exits.
"""

from src.settings import WebSettings, load

if __name__ == "__main__":
    load(WebSettings)
