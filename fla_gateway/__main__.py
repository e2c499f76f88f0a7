"""`python -m fla_gateway` is the command `fla-gateway`."""

from fla_gateway.cli.main import main

if __name__ == "__main__":
    main()
