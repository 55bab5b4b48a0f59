"""`morpholoop dashboard`: the operator's window, in a browser."""

import typer

from cli.output import console


def dashboard(
    host: str = typer.Option("127.0.0.1", help="Address to listen on; by default this machine alone."),
    port: int = typer.Option(8080, min=1, max=65535),
    open_: bool = typer.Option(False, "--open", help="Open it in this machine's browser."),
    root_path: str = typer.Option("", help="Path under which a reverse proxy serves it, e.g. /lab."),
) -> None:
    """Serve the dashboard of the state directory until Ctrl-C; make the first administrator before.

    Campaigns are processes of their own: it may be ended and started again while they run.
    Example: morpholoop user add ann --role admin && morpholoop dashboard --open
    """
    import socket

    import uvicorn

    from models.errors import UnusableInput
    from models.home import state_directory

    home = state_directory()
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise UnusableInput(
            f"The dashboard cannot listen on {host}:{port} ({error.strerror}); choose another port."
        ) from error
    if root_path and not (root_path.startswith("/") and not root_path.endswith("/")):
        raise UnusableInput(
            f"--root-path {root_path}: give it with a slash before and none after, e.g. /lab."
        )
    from dashboard.app import create_app

    app = create_app(home)
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}{root_path}/"
    console.print(f"Dashboard at {address} (Ctrl-C ends it; campaigns go on)", markup=False)
    if host not in ("127.0.0.1", "localhost", "::1"):
        console.print("Other machines can reach it: put a proxy with TLS before it.", markup=False)
    if open_:
        import webbrowser

        webbrowser.open(address)
    uvicorn.run(
        app,
        host=host,
        port=port,
        root_path=root_path,
        log_level="warning",
        timeout_graceful_shutdown=3,
        # Which proxies are believed is our own setting, and off by default.
        proxy_headers=False,
    )
