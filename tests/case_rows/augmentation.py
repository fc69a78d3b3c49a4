"""Rows of `cases`: pictures that are changed at random."""

from case_rows.case import Case


def augment(batch, shape, exact=True, **options) -> Case:
    """`exact`: whole moves without brightness, which copy pixels."""
    names = "".join(f"-{name}{value}" for name, value in options.items()).replace(" ", "")
    label = f"{batch}x{'x'.join(map(str, shape))}{names}"
    make = lambda rng, draw: {"x": draw((batch, *shape))}  # noqa: E731
    return Case("augment", label, make, options, exact)


def augment_cases() -> list[Case]:
    return [
        augment(17, (5, 6, 2)),  # nothing at all
        augment(1, (5, 6, 2), shift=3, seed=1),
        augment(33, (7, 4, 3), shift=(6, 0), fill=2.0),
        augment(17, (3, 8, 17), shift=(0, 7), fill=-1.0, seed=2**64 - 1),
        augment(15, (6, 6, 1), crop=6, padding=2, fill=1.0),
        augment(16, (8, 9, 3), crop=(5, 4)),
        augment(64, (5, 5, 2), crop=(7, 3), padding=(2, 0), shift=1, seed=3),
        augment(17, (4, 5, 2), horizontal_flip=True),
        augment(31, (1, 1, 4), horizontal_flip=True),
        augment(33, (6, 7, 1), crop=6, shift=(0, 1), horizontal_flip=True, seed=9),
        augment(17, (4, 3, 2), exact=False, brightness=0.5),
        augment(2, (4, 4, 2), exact=False, rotation=30.0),
        augment(17, (9, 8, 3), exact=False, rotation=180.0, fill=0.7),
        augment(33, (7, 10, 1), exact=False, scale=(0.5, 2.0)),
        augment(16, (1, 9, 2), exact=False, scale=(1.3, 1.3), shift=(0, 4)),
        augment(15, (12, 12, 2), exact=False, crop=(9, 10), padding=1, rotation=15.0, seed=4),
        augment(
            64,
            (10, 11, 3),
            exact=False,
            shift=(2, 1),
            crop=(12, 8),
            padding=(2, 1),
            horizontal_flip=True,
            rotation=25.0,
            scale=(0.8, 1.3),
            brightness=0.25,
            fill=-0.5,
            seed=6,
        ),
    ]
