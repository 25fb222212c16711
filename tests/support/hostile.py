"""Model files that ask for more than there is: time without end, memory without bound, or the wrong kind of file.

Each case is ``(write, message)``: ``write(folder)`` gives the model's path, and the message is part of the one line
that refuses it.
"""

import os

import numpy as np
from onnx import TensorProto, helper, numpy_helper

HUGE = 1 << 40


def constant(name, values, dtype=np.int64):
    return numpy_helper.from_array(np.asarray(values, dtype=dtype), name)


def model_of(nodes, constants=(), *, inputs=None, outputs=("y",), functions=(), opset=17, shape=("N", 4)):
    """Return a ModelProto; ``y`` is its output and ``x`` its input."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))] if inputs is None else inputs
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(list(nodes), "main", inputs, ends, list(constants))
    domains = {f.domain for f in functions} | {n.domain for n in nodes if n.domain}
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=8)


def saved(folder, model):
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def behind(*nodes, constants=(), **options):
    """Return a writer of a model that adds to its input the constant ``c`` that ``nodes`` make."""
    return lambda folder: saved(
        folder, model_of([*nodes, helper.make_node("Add", ["x", "c"], ["y"])], constants, **options)
    )


def node(kind, inputs, outputs=("c",), **attributes):
    return helper.make_node(kind, list(inputs), list(outputs), **attributes)


def loop(folder):
    """Save a model with a loop of 2^62 trips that double a number."""
    kinds = [("i", TensorProto.INT64), ("go", TensorProto.BOOL), ("v", TensorProto.FLOAT)]
    body = helper.make_graph(
        [node("Add", ["v", "v"], ["w"]), node("Identity", ["go"], ["on"])], "body",
        [helper.make_tensor_value_info(n, kind, []) for n, kind in kinds],
        [helper.make_tensor_value_info(n, kinds[i][1], []) for n, i in (("on", 1), ("w", 2))],
    )  # fmt: skip
    constants = [constant("trips", 1 << 62), constant("yes", True, bool), constant("one", 1.0, np.float32)]
    return behind(node("Loop", ["trips", "yes", "one"], body=body), constants=constants)(folder)


def branch(folder):
    made = helper.make_tensor_value_info("b", TensorProto.FLOAT, [1])
    part = helper.make_graph([node("Constant", [], ["b"], value_floats=[1.0])], "part", [], [made])
    return behind(node("If", ["yes"], then_branch=part, else_branch=part), constants=[constant("yes", True, bool)])(
        folder
    )


def doubling(folder):
    """Save a model of sixty concatenations of a tensor with itself."""
    nodes = [node("Concat", [f"t{i}"] * 2, [f"t{i + 1}"], axis=0) for i in range(60)]
    return behind(*nodes, node("Identity", ["t60"]), constants=[constant("t0", [1.0] * 4, np.float32)])(folder)


def doubling_functions(folder):
    """Save a model of sixty functions, each of which calls the next one twice."""
    functions = [
        helper.make_function(
            "f", f"f{i}", ["a"], ["b"],
            [node(f"f{i + 1}", ["a"], ["t"], domain="f"), node(f"f{i + 1}", ["t"], ["b"], domain="f")],
            [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)],
        )
        for i in range(60)
    ]  # fmt: skip
    last = helper.make_function("f", "f60", ["a"], ["b"], [node("Relu", ["a"], ["b"])], [helper.make_opsetid("", 17)])
    return saved(folder, model_of([node("f0", ["x"], ["y"], domain="f")], functions=[*functions, last]))


def function_of_itself(*chain):
    def write(folder):
        functions = [
            helper.make_function("f", name, ["a"], ["b"], [node(called, ["a"], ["b"], domain="f")],
                                 [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)])
            for name, called in zip(chain, chain[1:], strict=False)
        ]  # fmt: skip
        return saved(folder, model_of([node(chain[0], ["x"], ["y"], domain="f")], functions=functions))

    return write


def graphs_in_graphs(folder):
    """Save a graph in an attribute of a node of a graph in an attribute …: a thousand of them, as protobuf's own
    bytes."""

    def field(number, content):
        size, left = [], len(content)
        while left >= 128:
            size.append(left & 127 | 128)
            left >>= 7
        return bytes([number << 3 | 2, *size, left]) + content

    graph = b""
    for _ in range(1000):
        graph = field(1, field(4, b"Scan") + field(5, field(1, b"body") + field(6, graph)))
    (folder / "m.onnx").write_bytes(field(7, graph))
    return folder / "m.onnx"


def external(location, **more):
    """Return a writer of a model whose tensor is in another file."""

    def write(folder):
        tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
        for key, value in {"location": location, **more}.items():
            tensor.external_data.add(key=key, value=str(value))
        (folder / "beside.bin").write_bytes(bytes(16))
        (folder / "inside").mkdir()
        os.mkfifo(folder / "pipe")
        (folder / "zero").symlink_to("/dev/zero")
        (folder / "out").symlink_to("/etc")
        return saved(folder, model_of([node("Add", ["x", "c"], ["y"])], [tensor]))

    return write


def sparse(folder):
    model = model_of([node("Add", ["x", "c"], ["y"])])
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(constant("c", [1.0], np.float32), constant("i", [3]), [HUGE])
    )
    return saved(folder, model)


def many_inputs(folder):
    inputs = [helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, ["N", 4]) for i in range(20_000)]
    return saved(folder, model_of([node("Concat", [i.name for i in inputs], ["y"], axis=1)], inputs=inputs))


def of_shape(*shape):
    return lambda folder: saved(folder, model_of([node("Relu", ["x"], ["y"])], shape=shape))


def weights(dims, dtype=TensorProto.FLOAT, **data):
    """Return a writer of a dense layer whose weights say that they have ``dims``."""

    def write(folder):
        tensor = TensorProto(name="c", data_type=dtype, dims=dims, **data)
        return saved(folder, model_of([node("MatMul", ["x", "c"], ["y"])], [tensor]))

    return write


def contents(data):
    def write(folder):
        (folder / "m.onnx").write_bytes(data)
        return folder / "m.onnx"

    return write


def pipe(folder):
    os.mkfifo(folder / "m.onnx")
    return folder / "m.onnx"


def endless(folder):
    (folder / "m.onnx").symlink_to("/dev/zero")
    return folder / "m.onnx"


def sized(size):
    """Return a writer of a file with a hole of ``size`` bytes."""

    def write(folder):
        with open(folder / "m.onnx", "wb") as file:
            file.truncate(size)
        return folder / "m.onnx"

    return write


def cut(folder):
    path = behind(node("Constant", [], value_floats=[1.0] * 4))(folder)
    path.write_bytes(path.read_bytes()[:-9])
    return path


def text_tensor(folder):
    tensor = helper.make_tensor("c", TensorProto.STRING, [4], [b"a", b"b", b"\xff", b"d"])
    return saved(folder, model_of([node("Add", ["x", "c"], ["y"])], [tensor]))


LARGE = "FEWBIT_IMPORT_BYTES=16G, say, to raise it"
LONG = "FEWBIT_IMPORT_SECONDS=600, say, to raise it"
NEVER = "its value cannot be computed in advance"

MODELS = {
    "Loop of 2^62 trips": (loop, f"(Loop) {NEVER}".replace(") ", " that makes 'c': ").replace("(", "node ")),
    "If": (branch, NEVER),
    "RandomNormal": (behind(node("RandomNormal", [], shape=[HUGE])), NEVER),
    "RandomUniformLike": (
        behind(node("RandomUniformLike", ["t"]), constants=[constant("t", [1.0], np.float32)]),
        NEVER,
    ),
    "ConstantOfShape": (
        behind(node("ConstantOfShape", ["s"]), constants=[constant("s", [HUGE])]),
        f"node ConstantOfShape that makes 'c': it makes 4 TiB of values; the limit is 1 GiB; set {LARGE}",
    ),
    "Range": (
        behind(node("Range", ["a", "b", "d"]), constants=[constant(*c) for c in (("a", 0), ("b", HUGE), ("d", 1))]),
        LARGE,
    ),
    "Range of floats": (
        behind(
            node("Range", ["a", "b", "d"]),
            constants=[constant(*c, np.float64) for c in (("a", 0), ("b", 1e12), ("d", 1))],
        ),
        LARGE,
    ),
    "Expand": (
        behind(node("Expand", ["t", "s"]), constants=[constant("t", [1.0], np.float32), constant("s", [HUGE, 3])]),
        LARGE,
    ),
    "Tile": (
        behind(node("Tile", ["t", "s"]), constants=[constant("t", [1.0], np.float32), constant("s", [HUGE])]),
        LARGE,
    ),
    "Tile beyond int64": (
        behind(node("Tile", ["t", "s"]), constants=[constant("t", [1.0] * 4, np.float32), constant("s", [1 << 62])]),
        "cannot be evaluated",
    ),
    "Pad": (
        behind(node("Pad", ["t", "s"]), constants=[constant("t", [1.0], np.float32), constant("s", [0, HUGE])]),
        LARGE,
    ),
    "Resize": (
        behind(
            node("Resize", ["t", "", "s"]),
            constants=[constant("t", np.ones((1, 1, 2, 2)), np.float32), constant("s", [1, 1, 1e6, 1e6], np.float32)],
        ),
        LARGE,
    ),
    "OneHot": (
        behind(
            node("OneHot", ["t", "d", "v"]),
            constants=[constant("t", [1]), constant("d", HUGE), constant("v", [0.0, 1.0], np.float32)],
        ),
        LARGE,
    ),
    "Gather": (
        behind(
            node("ConstantOfShape", ["s"], ["i"], value=constant("v", [0])),
            node("Gather", ["t", "i"]),
            constants=[constant("s", [1 << 20]), constant("t", np.ones((1, 1 << 12)), np.float32)],
        ),
        LARGE,
    ),
    "Concat again and again": (doubling, LARGE),
    "MatMul": (
        behind(
            node("ConstantOfShape", ["s"], ["a"]), node("MatMul", ["a", "a"]), constants=[constant("s", [4000] * 2)]
        ),
        f"operations to compute; the limit is 300 seconds; set {LONG}",
    ),
    "sparse Constant": (
        behind(
            node(
                "Constant",
                [],
                sparse_value=helper.make_sparse_tensor(constant("v", [1.0], np.float32), constant("i", [3]), [HUGE]),
            )
        ),
        LARGE,
    ),
    "the most negative integer by -1": (
        behind(node("Div", ["a", "b"]), constants=[constant("a", [-(1 << 63)]), constant("b", [-1])]),
        "cannot be evaluated: onnxruntime ended by signal 8",
    ),
    "functions that call each other twice": (doubling_functions, "its functions stand for"),
    "a function that calls itself": (function_of_itself("f", "f"), "its function 'f' calls itself"),
    "functions in a ring": (function_of_itself("f", "g", "h", "f"), "its function 'f' calls itself"),
    "functions in a long chain": (
        function_of_itself(*(f"f{i}" for i in range(5000))),
        "its functions call each other more than 64 deep",
    ),
    "graphs in graphs": (graphs_in_graphs, "not a readable ONNX file"),
    "external data above": (external("../../../../../../../../etc/passwd"), "is outside of the model's folder"),
    "external data elsewhere": (external("/etc/passwd"), "'/etc/passwd' is outside of the model's folder"),
    "external data behind a link": (external("out/passwd"), "is outside of the model's folder"),
    "external data of a device": (external("/dev/zero"), "is outside of the model's folder"),
    "external data of a linked device": (external("zero"), "is outside of the model's folder"),
    "external data of a pipe": (external("pipe"), "a device or pipe, not a file of weights"),
    "external data of a folder": (external("inside"), "a folder, not a file of weights"),
    "external data without a place": (external(""), "a folder, not a file of weights"),
    "external data missing": (external("none"), "no such file"),
    "external data too long": (external("beside.bin", length=HUGE), "ends before byte"),
    "external data before the file": (external("beside.bin", offset=-3), "ends before byte"),
    "external data of no length": (external("beside.bin", length="x"), "invalid literal"),
    "external data of another size": (external("beside.bin", length=3), "the data of tensor 'c' cannot be read"),
    "sparse weights": (sparse, "sparse tensor 'c' takes 4 TiB when dense; the limit is 1 GiB"),
    "20,000 inputs": (many_inputs, "has 20000 inputs (x0, x1, x2, x3, x4, and 19995 more); 32 are supported"),
    "a huge input": (of_shape(1, 1_000_000, 1_000_000), "at most 16777216 values a sample"),
    "an input beyond int64": (of_shape(1, *[1 << 31] * 8), "at most 16777216 values a sample"),
    "an input of no values": (of_shape(1, 0, 4), "with known sizes"),
    "an input of a negative size": (of_shape(1, -4), "with known sizes"),
    "weights without data": (weights([HUGE, HUGE]), "the data of tensor 'c' cannot be read"),
    "weights of a negative size": (weights([-4, -1], raw_data=bytes(16)), "the data of tensor 'c' cannot be read"),
    "weights of an invented type": (weights([4], 99, raw_data=bytes(16)), "the data of tensor 'c' cannot be read"),
    "weights that are complex": (weights([4, 1], TensorProto.COMPLEX64, raw_data=bytes(32)), "must hold numbers"),
    "weights that are text": (text_tensor, "'c'"),
    "weights that are NaN": (weights([4, 1], float_data=[np.nan] * 4), "NaN or infinite"),
    "double weights that are infinite": (
        weights([4, 1], TensorProto.DOUBLE, double_data=[np.inf] * 4),
        "NaN or infinite",
    ),
    "a file cut short": (cut, "not a readable ONNX file"),
    "a text": (contents(b"hello\n" * 50), "not a readable ONNX file"),
    "a file of 5 GiB": (sized(5 << 30), f"is 5 GiB, which is more than 1 GiB; the limit is 1 GiB; set {LARGE}"),
    "a pipe": (pipe, "a device or pipe, not an ONNX or TFLite file"),
    "a device": (endless, "a device or pipe, not an ONNX or TFLite file"),
    "a folder": (lambda folder: folder, "a folder, not an ONNX or TFLite file"),
}
