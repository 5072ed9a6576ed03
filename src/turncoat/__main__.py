"""`python -m turncoat` is the command line."""

from turncoat.cli import main

if __name__ == "__main__":
    main()
