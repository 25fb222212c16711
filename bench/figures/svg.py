"""A small drawing on a white ground, which pages show on light and dark ones."""

from html import escape

__all__ = ["BLUE", "GOLD", "GREEN", "GREY", "INK", "PALE", "RED", "Drawing"]

INK, GREY, PALE = "#445", "#9aa5b1", "#e8f0fb"
BLUE, GOLD, GREEN, RED = "#2f7ed8", "#e0a030", "#283", "#b33"


class Drawing:
    """An SVG that grows by shapes; coordinates are pixels from the upper left corner.

    Parameters
    ----------
    width, height : int
    title : str
        What screen readers say.
    """

    def __init__(self, width: int, height: int, title: str):
        self.width, self.height, self._shapes = (
            width,
            height,
            [f'<rect width="{width}" height="{height}" fill="#fff"/>'],
        )
        self._title = escape(title)

    def box(self, x: float, y: float, w: float, h: float, fill: str, stroke: str = "none") -> None:
        """Draw a rectangle."""
        self._shapes.append(
            f'<rect x="{x:.4g}" y="{y:.4g}" width="{w:.4g}" height="{h:.4g}" fill="{fill}" stroke="{stroke}"/>'
        )

    def dot(self, x: float, y: float, radius: float, fill: str) -> None:
        """Draw a disc."""
        self._shapes.append(f'<circle cx="{x:.4g}" cy="{y:.4g}" r="{radius:.4g}" fill="{fill}"/>')

    def line(self, points: list[tuple[float, float]], stroke: str, width: float = 1.5, dashed: bool = False) -> None:
        """Draw a line through points."""
        path = " ".join(f"{x:.5g},{y:.5g}" for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self._shapes.append(f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="{width}"{dashes}/>')

    def text(self, x: float, y: float, words: str, *, at: str = "start", fill: str = "#333", size: int = 12) -> None:
        """Write words whose ``start``, ``middle`` or ``end`` is at a point."""
        self._shapes.append(
            f'<text x="{x:.4g}" y="{y:.4g}" text-anchor="{at}" fill="{fill}" font-size="{size}">{escape(words)}</text>'
        )

    def done(self) -> str:
        """Return the SVG."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'font-family="Helvetica,Arial,sans-serif"><title>{self._title}</title>'
        )
        return "\n".join([head, *self._shapes, "</svg>"]) + "\n"
