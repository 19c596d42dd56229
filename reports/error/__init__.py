"""The error page: records of the error laboratory, their tables and maps."""
