"""The model server: `python -m workers.engines.serving --host 127.0.0.1 --port 8001`."""

from workers.engines.serving.server import main

if __name__ == "__main__":
    main()
