"""Distributions as SVG, a dot for each value on a logarithmic scale, a line for the median."""
import html
import math
import statistics

WIDTH, LEFT, RIGHT, ROW, TOP = 860, 190, 30, 46, 58
COLOURS = ("#1f6f8b", "#c8553d", "#7a9e3a", "#6b5b95")


def label(ms):
    return f"{ms:g} ms" if ms < 1000 else f"{ms / 1000:g} s"


def strips(title, rows):
    """rows: {name: [ns]}. Zero and less stand at the left edge, which is a tenth of a millisecond."""
    least, most = -1, max(1, max(math.ceil(math.log10(max(v, 1) / 1e6)) for values in rows.values() for v in values))

    def x(ns):
        at = max(least, math.log10(ns / 1e6)) if ns > 0 else least
        return LEFT + (at - least) / (most - least) * (WIDTH - LEFT - RIGHT)

    height = TOP + ROW * len(rows) + 34
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
           '<rect width="100%" height="100%" fill="#fff"/>', f'<text x="16" y="28" font-size="16" fill="#222">{html.escape(title)}</text>']
    for decade in range(least, most + 1):
        at = x(10**decade * 1e6)
        out.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP - 14}" y2="{height - 30}" stroke="#ddd"/>'
                   f'<text x="{at:.1f}" y="{height - 12}" text-anchor="middle" fill="#666">{label(10**decade)}</text>')
    for i, (name, values) in enumerate(rows.items()):
        y, colour = TOP + ROW * i + ROW / 2 - 10, COLOURS[i % len(COLOURS)]
        median = x(statistics.median(values))
        out.append(f'<text x="16" y="{y + 4:.0f}" fill="#222">{html.escape(name)}</text>')
        for n, value in enumerate(sorted(values)):
            out.append(f'<circle cx="{x(value):.1f}" cy="{y + (n % 5 - 2) * 5:.0f}" r="3" fill="{colour}" fill-opacity="0.55"/>')
        out.append(f'<line x1="{median:.1f}" x2="{median:.1f}" y1="{y - 17:.0f}" y2="{y + 17:.0f}" stroke="{colour}" stroke-width="2"/>')
    return "\n".join(out + ["</svg>", ""])
