"""Letters as outlines: of the stated size, from a font that is installed, broken where a reader expects it."""

import manifold3d
import numpy
import pytest

from PlanningHubLib.Errors import InputRefused
from PrintPrepLib.Marking import Lettering


def test_capitalsHaveTheHeightAndStrokesTheWidthThatIsSaid():
    section = Lettering.outline(Lettering.layouts("HIE")[0], 10.0)
    low, high = numpy.array(section.bounds()).reshape(2, 2)
    assert high[1] - low[1] == pytest.approx(10, abs=1e-3) and high + low == pytest.approx(0, abs=1e-6)
    # Eaten away from both sides, strokes are gone only beyond half their width.
    for letter in "0123456789ABCDEFGHJKMNPQRSTVWXYZLIO":
        section = Lettering.outline(Lettering.layouts(letter)[0], 10.0)
        assert not section.offset(-0.49 * Lettering.STROKE * 10, manifold3d.JoinType.Miter).is_empty()


def test_textIsToBeReadFromAbove():
    """F has its arms to the right and above: neither mirrored nor upside down."""
    section = Lettering.outline(Lettering.layouts("F")[0], 10.0)
    left, bottom, right, top = section.bounds()

    def inkIn(x, y):
        corner = manifold3d.CrossSection.square(((right - left) / 2, (top - bottom) / 2)).translate((x, y))
        return (section ^ corner).area()

    middle = ((left + right) / 2, (bottom + top) / 2)
    assert inkIn(left, middle[1]) > inkIn(left, bottom) > 0
    assert inkIn(middle[0], middle[1]) > 4 * inkIn(middle[0], bottom)


def test_linesEndAtSpacesAndBehindHyphens():
    lines = [one.lines for one in Lettering.layouts("PH-7K2M9QXA-4T0B LEFT PART-1.2")]
    assert lines[0] == ("PH-7K2M9QXA-4T0B LEFT PART-1.2",)
    assert lines[1] == ("PH-7K2M9QXA-", "4T0B LEFT PART-1.2")
    assert all("".join(one).replace(" ", "") == "PH-7K2M9QXA-4T0BLEFTPART-1.2" for one in lines)


def test_layoutKnowsItsExtent():
    for layout in Lettering.layouts("PH-7K2M9QXA-4T0B RIGHT PART-12.3"):
        low, high = numpy.array(Lettering.outline(layout, 7.5).bounds()).reshape(2, 2)
        assert (high - low <= 7.5 * numpy.array([layout.width, layout.height]) + 0.4).all()


def test_greekAndAccentsAreWrittenAndWhatTheFontLacksIsRefused():
    for text in ("Ωμέγα", "Hüfte é", "Ж"):
        assert Lettering.outline(Lettering.layouts(text)[0], 7.5).area() > 10
    for text in ("骨", " ", ""):
        with pytest.raises(InputRefused) as refusal:
            Lettering.layouts(text)
        assert refusal.value.code == "no-letters"
