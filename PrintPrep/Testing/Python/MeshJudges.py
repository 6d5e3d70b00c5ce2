"""Outside judges of a mesh: trimesh, manifold3d and, in tests only, pymeshlab."""

import numpy


def trimeshOf(mesh):
    """Return a trimesh, its equal points welded as a reader of STL does."""
    import trimesh

    return trimesh.Trimesh(mesh.points, mesh.triangles, process=True)


def selfIntersectingFaces(mesh):
    """Return how many triangles pymeshlab finds passing through others, equal points welded."""
    import pymeshlab

    seen = trimeshOf(mesh)
    meshes = pymeshlab.MeshSet()
    meshes.add_mesh(pymeshlab.Mesh(numpy.asarray(seen.vertices, float), numpy.asarray(seen.faces)))
    meshes.compute_selection_by_self_intersections_per_face()
    return meshes.current_mesh().selected_face_number()


def requireSound(mesh):
    """Assert that a mesh is one closed, consistently wound solid for all judges."""
    import manifold3d

    seen = trimeshOf(mesh)
    assert seen.is_watertight and seen.is_winding_consistent and seen.volume > 0
    manifold = manifold3d.Manifold(manifold3d.Mesh(mesh.points, mesh.triangles.astype(numpy.uint32)))
    assert manifold.status() == manifold3d.Error.NoError
    assert selfIntersectingFaces(mesh) == 0
