"""Rooms 17 and 18: detections are judged, and their precision is averaged."""

import box_properties
import numpy as np

from exhibits.room import Room
from minispp import boxes
from minispp.detection.matching import match
from minispp.detection.precision import average_precision

# Room 17: detections are judged

judged = Room(box_properties.detections_are_judged, match)
FOUND = ([[0, 0, 10, 10], [20, 20, 30, 30]], [0.9, 0.8], [[0, 0, 10, 11], [20, 20, 29, 30]], [False, False], 0.5, False)


@judged.looks_right_on(*FOUND)
def difficult_objects_counted(found, scores, truth, difficult, threshold, inclusive):
    return match(found, scores, truth, np.zeros(len(truth), bool), threshold, inclusive)


@judged.looks_right_on(*FOUND)
def difficult_objects_removed_first(found, scores, truth, difficult, threshold, inclusive):
    """Then whoever finds one is wrong."""
    return match(found, scores, np.asarray(truth)[~np.asarray(difficult)], None, threshold, inclusive)


@judged.looks_right_on(*FOUND)
def duplicates_are_correct(found, scores, truth, difficult, threshold, inclusive):
    """Every detection that overlaps an object is correct."""
    judged_alone = [match([one], [1], truth, difficult, threshold, inclusive) for one in found]
    return tuple(np.array([flags[k][0] for flags in judged_alone], bool) for k in (0, 1))


@judged.looks_right_on(*FOUND)
def in_the_order_given(found, scores, truth, difficult, threshold, inclusive):
    """Not in falling score: a worse detection takes the object."""
    return match(found, -np.arange(len(found)), truth, difficult, threshold, inclusive)


@judged.looks_right_on(*FOUND)
def a_difficult_object_found_once_only(found, scores, truth, difficult, threshold, inclusive):
    """The second detection of a difficult object is wrong."""
    first, _ = match(found, scores, truth, None, threshold, inclusive)
    _, its = match(found, scores, truth, difficult, threshold, inclusive)
    return first & ~its, first & its


@judged.looks_right_on(*FOUND)
def the_added_one_forgotten(found, scores, truth, difficult, threshold, inclusive):
    """Inclusive numbers taken for corners."""
    return match(found, scores, truth, difficult, threshold)


@judged.looks_right_on(*FOUND)
def the_second_best_object_instead(found, scores, truth, difficult, threshold, inclusive):
    """An object that is had is no longer looked at: kinder than VOC's rule."""
    one = np.array([0, 0, 1, 1]) * inclusive
    table = boxes.iou(boxes.as_boxes(found) + one, boxes.as_boxes(truth) + one)
    correct, ignored = np.zeros((2, len(table)), bool)
    for i in boxes.by_score(scores):
        if table.shape[1] and table[i].max() >= threshold:
            best = table[i].argmax()
            (ignored if difficult[best] else correct)[i] = True
            if not difficult[best]:
                table[:, best] = -1
    return correct, ignored


# Room 18: precision is averaged

averaged = Room(box_properties.precision_is_averaged, average_precision)
ALL_RIGHT = [0.9, 0.8], [True, True], 2, "area"


@averaged.looks_right_on(*ALL_RIGHT)
def precision_that_falls_and_rises(scores, correct, positives, rule):
    """The precision at a recall, not the best one there or beyond."""
    order = boxes.by_score(scores)
    hits = np.cumsum(np.asarray(correct, bool)[order])
    precision = hits / np.arange(1, len(hits) + 1)
    if rule == "area":
        return float((precision * np.diff(hits, prepend=0)).sum() / positives)
    return average_precision(scores, correct, positives, rule)


@averaged.looks_right_on(*ALL_RIGHT)
def eleven_points_in_floats(scores, correct, positives, rule):
    """3 * 0.1 is more than 0.3, so a recall of 3 in 10 is not seen to reach it."""
    if rule == "area" or not len(scores):
        return average_precision(scores, correct, positives, rule)
    hits = np.cumsum(np.asarray(correct, bool)[boxes.by_score(scores)])
    precision, recall = hits / np.arange(1, len(hits) + 1), hits / positives
    return sum(max(precision[recall >= point], default=0) for point in np.arange(0, 1.1, 0.1)) / 11


@averaged.looks_right_on([0.9, 0.8, 0.7], [True, False, True], 2, "area")
def ties_sorted_to_the_front(scores, correct, positives, rule):
    """Of equal scores, the correct ones first: the answer before the question."""
    order = np.lexsort((~np.asarray(correct, bool), -np.asarray(scores, float)))
    return average_precision(-np.arange(len(order)), np.asarray(correct)[order], positives, rule)


@averaged.looks_right_on(*ALL_RIGHT)
def ten_points(scores, correct, positives, rule):
    """A mean of eleven values, divided by ten."""
    value = average_precision(scores, correct, positives, rule)
    return value if rule == "area" else value * 1.1


@averaged.looks_right_on(*ALL_RIGHT)
def recall_of_what_was_found(scores, correct, positives, rule):
    """The recall over the objects found, not over those that there are."""
    return average_precision(scores, correct, max(int(np.sum(correct)), 1), rule)
