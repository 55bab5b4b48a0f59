"""`morpholoop dashboard`: watch campaigns in a browser."""

import typer

from cli.output import console


def dashboard(
    host: str = typer.Option("127.0.0.1", help="Address to listen on; by default this machine alone."),
    port: int = typer.Option(8080, min=1, max=65535),
) -> None:
    """Serve the campaigns of the state directory, read-only, until Ctrl-C.

    Example: morpholoop dashboard --port 8080
    """
    import socket

    import uvicorn

    from dashboard.app import create_app
    from models.errors import UnusableInput
    from models.home import state_directory

    app = create_app(state_directory())
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise UnusableInput(
            f"The dashboard cannot listen on {host}:{port} ({error.strerror}); choose another port."
        ) from error
    console.print(f"Campaigns at http://{host}:{port} (read-only; Ctrl-C ends it)", markup=False)
    if host not in ("127.0.0.1", "localhost", "::1"):
        console.print("Anybody who reaches that address can read them: there is no log-in.", markup=False)
    uvicorn.run(app, host=host, port=port, log_level="warning")
