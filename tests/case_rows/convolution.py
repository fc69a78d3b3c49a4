"""Rows of `cases`: convolution."""

from case_rows.case import BATCHES, Case, name_of


def conv(
    batch, size, channels, kernel, strides=1, padding="valid", use_bias=True, dilation=1, groups=1
) -> Case:
    """A row of conv2d; `channels` is (in, out)."""
    inputs, outputs = channels

    def make(rng, draw):
        arrays = {
            "x": draw((batch, *size, inputs)),
            "kernel": draw((*kernel, inputs // groups, outputs)),
        }
        return arrays | ({"bias": draw((outputs,))} if use_bias else {})

    label = (
        f"{batch}x{name_of(size)}x{inputs}-to{outputs}-k{name_of(kernel)}-s{name_of(strides)}"
        f"-{padding}{'' if use_bias else '-nobias'}".replace(" ", "")
    )
    options = {"strides": strides, "padding": padding}
    if dilation != 1:
        label, options["dilation"] = f"{label}-d{name_of(dilation)}", dilation
    if groups != 1:
        label, options["groups"] = f"{label}-g{groups}", groups
    return Case("conv2d", label, make, options)


def depthwise(
    batch, size, channels, kernel, strides=1, padding="valid", use_bias=True, dilation=1
) -> Case:
    """A row of depthwise_conv2d; `channels` is (in, multiplier)."""

    def make(rng, draw):
        arrays = {"x": draw((batch, *size, channels[0])), "kernel": draw((*kernel, *channels))}
        return arrays | ({"bias": draw((channels[0] * channels[1],))} if use_bias else {})

    label = (
        f"{batch}x{name_of(size)}x{channels[0]}-m{channels[1]}-k{name_of(kernel)}-s{name_of(strides)}"
        f"-{padding}-d{name_of(dilation)}{'' if use_bias else '-nobias'}".replace(" ", "")
    )
    options = {"strides": strides, "padding": padding, "dilation": dilation}
    return Case("depthwise_conv2d", label, make, options)


def conv_cases() -> list[Case]:
    turn = 0

    def batch() -> int:
        nonlocal turn
        turn += 1
        return BATCHES[turn % len(BATCHES)]

    cases = [
        conv(batch(), (5, 6), (i, o), (3, 3)) for i in (1, 3, 6, 17) for o in (1, 3, 6, 16, 17, 33)
    ]
    kernels = [(1, 1), (1, 3), (3, 1), (2, 2), (2, 3), (4, 4), (5, 5), (7, 7), (11, 11)]
    for kernel in kernels:
        for padding in ("valid", "same"):
            cases.append(conv(batch(), (12, 11), (3, 6), kernel, padding=padding))
            cases.append(conv(batch(), (13, 15), (1, 5), kernel, padding=padding))
    for strides in (2, 3, (2, 1), (1, 3), (4, 4)):
        for kernel in ((1, 1), (2, 2), (3, 3), (5, 4)):
            for padding in ("valid", "same"):
                cases.append(conv(batch(), (9, 10), (3, 4), kernel, strides, padding))
    explicit = [((1, 1), (1, 1)), ((2, 2), (2, 2)), ((0, 1), (2, 0)), ((3, 0), (0, 2))]
    for padding in [*explicit, ((4, 5), (6, 4))]:  # the last: windows with nothing but padding
        for strides in (1, 2, (3, 2)):
            cases.append(conv(batch(), (6, 7), (3, 17), (3, 3), strides, padding))
    for size in ((1, 1), (3, 3), (5, 2), (1, 7)):  # a kernel as large as the input
        cases.append(conv(batch(), size, (6, 17), size))
        cases.append(conv(batch(), size, (6, 3), size, padding="same"))
    return [
        *cases,
        conv(17, (28, 28), (1, 6), (5, 5), padding=((2, 2), (2, 2))),  # LeNet-5, first
        conv(17, (14, 14), (6, 16), (5, 5)),  # and second
        conv(2, (7, 7), (3, 2), (3, 3), strides=2),  # the lecture's 3x3x2
        conv(1, (40, 3), (3, 6), (3, 3)),
        conv(1, (3, 40), (3, 6), (3, 3), padding="same"),
        conv(1, (33, 35), (17, 33), (3, 3), padding="same"),  # too big for one piece, one image
        conv(2, (70, 8), (20, 16), (3, 3), padding="same"),  # Winograd: several bands of rows,
        conv(3, (5, 41), (16, 18), (3, 3), padding="same"),  # of columns, with a cut tile,
        conv(2, (6, 16), (70, 84), (3, 3), padding="same"),  # blocks of both channels,
        conv(40, (9, 8), (16, 16), (3, 3), padding="same"),  # chunks of images,
        conv(1, (7, 15), (18, 17), (3, 3), padding=((0, 1), (2, 0))),
        conv(1, (4, 4), (16, 16), (3, 3), padding=((4, 5), (6, 4)), use_bias=False),
        conv(2, (3, 3), (1, 1), (7, 7), padding="same"),  # a kernel larger than the input
        conv(15, (6, 5), (3, 6), (3, 2), use_bias=False),
        conv(16, (8, 8), (17, 16), (3, 3), 2, "same", use_bias=False),
    ]


ASYMMETRIC = ((0, 1), (2, 0))


def sparse_conv_cases() -> list[Case]:
    """Dilation and groups."""
    turn = iter(range(1000))

    def batch() -> int:
        return BATCHES[next(turn) % len(BATCHES)]

    cases = []
    for dilation in (2, 3, (1, 2), (3, 1)):
        for kernel in ((3, 3), (1, 2), (2, 1), (4, 3)):
            for padding in ("valid", "same", ASYMMETRIC):
                size, channels = (11, 12), (3, 6)
                cases.append(conv(batch(), size, channels, kernel, 1, padding, dilation=dilation))
    for groups, channels in ((2, (2, 4)), (2, (6, 34)), (3, (6, 3)), (3, (9, 15)), (6, (6, 18))):
        for strides, padding in ((1, "same"), (2, "valid"), ((1, 3), "same"), (1, ASYMMETRIC)):
            cases.append(conv(batch(), (7, 8), channels, (3, 2), strides, padding, groups=groups))
    return [
        *cases,
        conv(17, (8, 9), (6, 9), (3, 3), 1, "same", dilation=2, groups=3),
        conv(15, (9, 8), (8, 8), (2, 3), 1, ASYMMETRIC, dilation=(3, 2), groups=4),
        conv(16, (9, 9), (5, 10), (3, 3), 1, "same", dilation=2, groups=5, use_bias=False),
        conv(2, (3, 4), (2, 2), (3, 3), 1, "same", dilation=3),  # taps that see padding alone
        conv(1, (5, 5), (1, 2), (3, 3), dilation=2),  # an extent as large as the input
        conv(1, (13, 13), (4, 2), (3, 3), 1, ((6, 6), (6, 6)), dilation=6, groups=2),
        conv(1, (1, 1), (4, 4), (1, 1), dilation=5, groups=2),  # one tap has no gaps
        conv(3, (6, 5), (3, 3), (1, 1), 2, groups=3),
    ]


def depthwise_cases() -> list[Case]:
    turn = iter(range(1000))

    def batch() -> int:
        return BATCHES[next(turn) % len(BATCHES)]

    cases = []
    for channels in ((1, 1), (1, 3), (3, 1), (6, 2), (17, 1), (5, 3)):
        for kernel in ((1, 1), (3, 3), (2, 5), (7, 4)):
            cases.append(depthwise(batch(), (8, 9), channels, kernel))
            cases.append(depthwise(batch(), (7, 14), channels, kernel, padding="same"))
    for strides in (2, (1, 3), (3, 2), (4, 4)):
        for kernel in ((1, 1), (3, 3), (2, 4)):
            for padding in ("valid", "same", ASYMMETRIC):
                cases.append(depthwise(batch(), (9, 10), (3, 2), kernel, strides, padding))
    for dilation in (2, 3, (1, 2), (3, 1)):
        for padding in ("valid", "same", ASYMMETRIC):
            cases.append(
                depthwise(batch(), (11, 12), (3, 2), (3, 4), 1, padding, dilation=dilation)
            )
    return [
        *cases,
        depthwise(1, (1, 1), (1, 1), (1, 1)),
        depthwise(2, (3, 3), (2, 2), (7, 7), padding="same"),  # a kernel larger than the input
        depthwise(2, (2, 3), (3, 1), (3, 3), 1, "same", dilation=4),  # taps that see padding alone
        depthwise(3, (6, 7), (3, 2), (3, 3), 1, ((4, 5), (6, 4))),  # windows of nothing but padding
        depthwise(15, (14, 14), (33, 1), (3, 3), 2, "same", use_bias=False),  # MobileNet's
    ]
