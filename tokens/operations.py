"""What operations are called on every page, and the order they are listed in."""

OPERATION_LABELS = {
    "cv_parse": "Read CV",
    "cv_analyze": "Analyse",
    "scoring": "Score",
    "decision": "Recommend",
    "question_generation": "Questions",
    "video_interview": "Video interview",
    "api": "API",
}


def label_operation(operation: str) -> str:
    """Name an operation for people; one without a name of its own by its code, in words."""
    return OPERATION_LABELS.get(operation) or operation.replace("_", " ").capitalize()


def place_of_operation(operation: str) -> tuple[int, str]:
    """Return what operations are sorted by: the order of hiring, then the others by name."""
    known = list(OPERATION_LABELS)
    return (known.index(operation) if operation in known else len(known), operation)
