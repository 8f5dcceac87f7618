"""The MediaPipe models: 478 face landmarks with blendshapes and head pose, the person mask, and kinds of things."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import mediapipe as mp
import numpy as np
import numpy.typing as npt
from mediapipe.tasks.python import BaseOptions, vision

Rgb = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

FOLDER = Path(__file__).resolve().parent.parent / "models"
FACES = 4
"""Faces looked for: enough to say that there is more than one."""

_DETECTED = 320  # pixels on the long side that the detector is shown at least: it looks at 128

SURE, FAINT = 0.5, 0.3
"""Confidence asked of the face detector: the model's own default, and the second look when nothing was found."""

PUPILS = (468, 473)
"""Landmarks of a face: the left and the right pupil as seen in the picture."""


@dataclass(frozen=True)
class Face:
    """One face: `points` are 478 x 3 in pixels of the picture looked at (z towards the picture), angles in degrees.

    yaw is positive when the person turns to their left, pitch when they look down, roll when the head leans clockwise.
    """

    points: Plane
    shapes: dict[str, float]
    yaw: float
    pitch: float
    roll: float

    @property
    def width(self) -> float:
        """Cheek to cheek in pixels."""
        return float(np.hypot(*(self.points[454, :2] - self.points[234, :2])))


class Models:
    """All models, loaded once. Close it: MediaPipe's own threads outlive a forgotten task."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        person = vision.ImageSegmenterOptions(
            base_options=BaseOptions(model_asset_path=str(FOLDER / "selfie_segmenter.tflite")),
            output_confidence_masks=True,
        )
        self._faces = _landmarker(SURE)
        self._detector = _detector()
        self._faint: Any = None
        self._person = vision.ImageSegmenter.create_from_options(person)
        things = vision.ImageClassifierOptions(
            base_options=BaseOptions(model_asset_path=str(FOLDER / "image_classifier.tflite")), max_results=-1
        )
        self._things = vision.ImageClassifier.create_from_options(things)

    def __enter__(self) -> Models:
        return self

    def __exit__(self, *_: object) -> None:
        self._faces.close()
        self._detector.close()
        if self._faint is not None:
            self._faint.close()
        self._person.close()
        self._things.close()

    def faces(self, rgb: Rgb) -> list[Face]:
        """All faces of a picture, the largest first. A face below 12 % of the long side is not found."""
        return _look(self._faces, rgb)

    def faint_faces(self, rgb: Rgb) -> list[Face]:
        """The same with a less demanding detector: profiles and faces in the dark, and things that are no face."""
        if self._faint is None:  # few pictures need it
            self._faint = _landmarker(FAINT)
        return _look(self._faint, rgb)

    def sureness(self, rgb: Rgb) -> float:
        """How sure the face detector is of its surest face, 0..1; of a face upside down it is less so."""
        step = max(1, max(rgb.shape[:2]) // _DETECTED)
        small = np.ascontiguousarray(rgb[::step, ::step])
        found: Any = self._detector.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=small))
        return max((float(face.categories[0].score) for face in found.detections), default=0.0)

    def mask(self, rgb: Rgb) -> Plane:
        """Confidence 0..1 that a pixel belongs to the person, of the picture's size."""
        result: Any = self._person.segment(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb))
        return np.array(result.confidence_masks[0].numpy_view(), np.float32).reshape(rgb.shape[:2])

    def kinds(self, rgb: Rgb) -> dict[str, float]:
        """Probability 0..1 of each of ImageNet's kinds of things, by name, in steps of 1/256 (EfficientNet-Lite0)."""
        result: Any = self._things.classify(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb))
        return {kind.category_name: float(kind.score) for kind in result.classifications[0].categories}


def _detector() -> Any:
    """The detector within the landmark model, which tells where faces are but not how surely it found them."""
    with zipfile.ZipFile(FOLDER / "face_landmarker.task") as parts:
        model = BaseOptions(model_asset_buffer=parts.read("face_detector.tflite"))
    options = vision.FaceDetectorOptions(base_options=model, min_detection_confidence=FAINT)
    return vision.FaceDetector.create_from_options(options)


def _landmarker(confidence: float) -> Any:
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(FOLDER / "face_landmarker.task")),
        num_faces=FACES,
        min_face_detection_confidence=confidence,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    return vision.FaceLandmarker.create_from_options(options)


def _look(landmarker: Any, rgb: Rgb) -> list[Face]:
    height, width = rgb.shape[:2]
    if min(height, width) < 16:
        return []
    result: Any = landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb))
    faces = []
    for marks, shapes, matrix in zip(
        result.face_landmarks, result.face_blendshapes, result.facial_transformation_matrixes, strict=True
    ):
        points = np.array([(p.x * width, p.y * height, p.z * width) for p in marks], np.float32)
        named = {shape.category_name: float(shape.score) for shape in shapes}
        faces.append(Face(points, named, *_angles(np.asarray(matrix)[:3, :3])))
    return sorted(faces, key=lambda face: -face.width)


def _angles(rotation: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Yaw, pitch, roll in degrees of a rotation matrix (y-x-z order)."""
    rotation = rotation / np.cbrt(np.linalg.det(rotation))
    pitch = float(np.degrees(np.arcsin(np.clip(-rotation[1, 2], -1, 1))))
    yaw = float(np.degrees(np.arctan2(rotation[0, 2], rotation[2, 2])))
    roll = float(np.degrees(np.arctan2(-rotation[1, 0], rotation[1, 1])))  # the model's y axis points up
    return yaw, pitch, roll
