"""Points of comments in a scene: the one placed last is taken, the one of a comment is shown, neither is saved."""

import pytest

from PlanningHubLib import ReviewPoints

POINT = [12.5, -30.25, 41.0]
COMMENT = {"id": "comment-3", "text": "too thin at the rim", "pointRasMm": POINT}


def nodesOf(session):
    scene = session.scene
    return [scene.GetNthNodeByClass(index, ReviewPoints.NODE_CLASS)
            for index in range(scene.GetNumberOfNodesByClass(ReviewPoints.NODE_CLASS))]  # fmt: skip


def test_thePointPlacedLastIsTaken(aSession):
    assert ReviewPoints.placedPoint(aSession) is None
    node = ReviewPoints.startPlacing(aSession)
    assert ReviewPoints.placedPoint(aSession) is None
    node.AddControlPoint(1, 2, 3)
    node.AddControlPoint(*POINT)
    assert ReviewPoints.placedPoint(aSession) == POINT
    interaction = aSession.applicationLogic.GetInteractionNode()
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    assert ReviewPoints.startPlacing(aSession) is node and ReviewPoints.placedPoint(aSession) is None


def test_thePointOfATransformedNodeIsWhereItIsSeen(aSession):
    node = ReviewPoints.startPlacing(aSession)
    node.AddControlPoint(*POINT)
    transform = aSession.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = transform.GetMatrixTransformToParent()
    matrix.SetElement(0, 3, 10)
    transform.SetMatrixTransformToParent(matrix)
    node.SetAndObserveTransformNodeID(transform.GetID())
    assert ReviewPoints.placedPoint(aSession) == pytest.approx([22.5, -30.25, 41.0])


def test_theActiveNodeOfTheUserCountsToo(aSession):
    node = aSession.scene.AddNewNodeByClass("vtkMRMLMarkupsCurveNode", "F")
    aSession.applicationLogic.GetSelectionNode().SetActivePlaceNodeID(node.GetID())
    node.AddControlPoint(*POINT)
    assert ReviewPoints.placedPoint(aSession) == POINT


def test_aCommentIsShownByItsNumberAndSlicesJumpToIt(aSession):
    slices = aSession.scene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    node = ReviewPoints.showPoint(aSession, COMMENT)
    assert list(node.GetNthControlPointPosition(0)) == POINT and node.GetNthControlPointLabel(0) == "comment-3"
    center = [slices.GetSliceToRAS().GetElement(row, 3) for row in range(3)]
    assert center == pytest.approx(POINT)
    assert ReviewPoints.placedPoint(aSession) is None, "a comment's own point is no new one"
    ReviewPoints.showPoint(aSession, {**COMMENT, "pointRasMm": [1, 2, 3]})
    assert len(nodesOf(aSession)) == 1 and node.GetNumberOfControlPoints() == 1
    ReviewPoints.showPoint(aSession, {**COMMENT, "pointRasMm": None})
    assert nodesOf(aSession) == []


def test_neitherWordsNorPointsAreSavedWithTheScene(aSession, tmp_path):
    ReviewPoints.startPlacing(aSession).AddControlPoint(1.5, 2.5, 3.5)
    ReviewPoints.showPoint(aSession, COMMENT)
    aSession.scene.SetURL(str(tmp_path / "scene.mrml"))
    aSession.scene.Commit()
    text = (tmp_path / "scene.mrml").read_text()
    assert "too thin" not in text and "commentPoint" not in text and "comment-3" not in text


def test_pointsOfAnotherCaseAreForgotten(aSession):
    other = aSession.scene.AddNewNodeByClass(ReviewPoints.NODE_CLASS, "the user's own")
    before = aSession.scene.GetNumberOfNodes()
    ReviewPoints.startPlacing(aSession)
    ReviewPoints.showPoint(aSession, COMMENT)
    ReviewPoints.forgetPoints(aSession)
    assert nodesOf(aSession) == [other]
    assert aSession.scene.GetNumberOfNodes() == before
