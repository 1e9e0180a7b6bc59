"""Draws bars.ttf, in which every letter is the same bar: pictures with it look alike on machines with other fonts. By hand, with fontTools (PyPI: fonttools)."""

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import newTable
from fontTools.ttLib.tables._c_m_a_p import cmap_format_13

WIDE, EM = 560, 1000  # of a letter, about what a usual face has on average


def bar(left, right, low=0, high=600):
    pen = TTGlyphPen(None)
    pen.moveTo((left, low))
    for corner in (left, high), (right, high), (right, low):
        pen.lineTo(corner)
    pen.closePath()
    return pen.glyph()


builder = FontBuilder(EM, isTTF=True)
builder.setupGlyphOrder([".notdef", "letter", "space"])
builder.setupGlyf({".notdef": bar(0, WIDE), "letter": bar(0, WIDE), "space": TTGlyphPen(None).glyph()})
builder.setupHorizontalMetrics({".notdef": (WIDE, 0), "letter": (WIDE, 0), "space": (WIDE, 0)})
builder.setupHorizontalHeader(ascent=800, descent=-200)
builder.setupNameTable({"familyName": "weir bars", "styleName": "Regular"})
builder.setupPost()
cmap = newTable("cmap")
cmap.tableVersion = 0
table = cmap_format_13(13)
table.platformID, table.platEncID, table.language, table.format, table.reserved, table.length, table.nGroups = 3, 10, 0, 13, 0, 0, 0
table.cmap = {code: "space" if chr(code).isspace() else "letter" for code in range(0x20, 0x3000)}
cmap.tables = [table]
builder.font["cmap"] = cmap
builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
builder.font["head"].created = builder.font["head"].modified = 0
builder.font.recalcTimestamp = False
builder.save(Path(__file__).with_name("bars.ttf"))
