"""Results for people: one self-contained HTML file, and tables in the terminal."""

from manyicl.report.page import write_report
from manyicl.report.tables import kshot_tables

__all__ = ["kshot_tables", "write_report"]
