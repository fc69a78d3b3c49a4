"""Convolutions at random, for the tests of every kind of them."""

from hypothesis import strategies as st


@st.composite
def geometries(draw, channels, make):
    """Any convolution that fits, in sizes up to 9; with dilation up to 13."""
    size, kernel, pads = [], [], []
    padding = draw(st.sampled_from(["valid", "same", "explicit"]))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 3), (2, 1)]))
    for gap in dilation:
        n = draw(st.integers(1, 9 if gap == 1 else 13))
        around = st.integers(0, 4) if padding == "explicit" else st.just(0)
        before, after = draw(around), draw(around)
        largest = 7 if padding == "same" else (n + before + after - 1) // gap + 1
        kernel.append(draw(st.integers(1, largest)))
        size.append(n)
        pads.append((before, after))
    strides = (1, 1)
    if dilation == (1, 1):
        strides = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    numbers = draw(channels)
    numbers, more = numbers if isinstance(numbers[1], dict) else (numbers, {})
    return make(
        draw(st.integers(1, 35)),
        tuple(size),
        numbers,
        tuple(kernel),
        strides,
        tuple(pads) if padding == "explicit" else padding,
        draw(st.booleans()),
        dilation=dilation,
        **more,
    )
