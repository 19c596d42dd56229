// The clamped gate for CPU tensors: one pass forward, one pass backward, and the autograd graph around them.
//
// gem_impls/native/__init__.py compiles this file against the installed torch. A `Gem` is one function of the
// family with the constants of gem_impls.carried. Its methods serve plain tensors, without torch's dispatcher
// in between, and return None for all others (subclasses, transforms, other devices, memory with gaps): what to
// do with those, and what to say of wrong arguments, is written in Python.

#include <ATen/EmptyTensor.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/cpu/vec/functional.h>
#include <ATen/cpu/vec/vec.h>
#include <ATen/record_function.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/utils/pybind.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <type_traits>

namespace {

namespace py = pybind11;
using at::Tensor;
using at::vec::Vectorized;
using c10::DispatchKey;

// --- the function, in vectors of its arithmetic ---------------------------------------------------------

// The numbers of gem_impls.carried.Carried, for one arithmetic.
template <typename T>
struct Constants {
  T scale, eps, clamp, negative_slope;
  int64_t n;
};

template <typename T>
inline Vectorized<T> quotient(Vectorized<T> p, Vectorized<T> q) {
  return p / q;
}

#ifdef CPU_CAPABILITY_AVX512
// A reciprocal of 14 bits, and one Newton step on the quotient itself: less than one ulp, and half the time of
// a division. q is normal and far from the ends of the range (see gem_impls.carried).
template <>
inline Vectorized<float> quotient(Vectorized<float> p, Vectorized<float> q) {
  const __m512 r = _mm512_rcp14_ps(q);
  const __m512 g = _mm512_mul_ps(p, r);
  return _mm512_fmadd_ps(_mm512_fnmadd_ps(q, g, p), r, g);
}
#endif

// p = (min(size, clamp) * scale)^(2n) for size = |x|, or max(x, 0) where only that matters.
// N = 0 stands for any n.
template <typename T, int N>
inline Vectorized<T> power(Vectorized<T> size, const Constants<T>& c) {
  using V = Vectorized<T>;
  const V t = at::vec::clamp_max(size, V(c.clamp)) * V(c.scale);
  const V square = t * t;
  if constexpr (N == 1) {
    return square;
  } else if constexpr (N == 2) {
    return square * square;
  } else if constexpr (N == 3) {
    return square * square * square;
  } else {
    V p = square;
    for (int bit = std::bit_width(static_cast<uint64_t>(c.n)) - 2; bit >= 0; --bit) {
      p = p * p;
      if ((c.n >> bit) & 1) p = p * square;
    }
    return p;
  }
}

// s * x * g, g = p / (p + eps)
template <typename T, int N, bool SLOPED>
struct Value {
  static inline Vectorized<T> at(Vectorized<T> x, const Constants<T>& c) {
    using V = Vectorized<T>;
    const V above = at::vec::clamp_min(x, V(0));  // NaN stays NaN
    const V p = power<T, N>(SLOPED ? x.abs() : above, c);
    const V g = quotient<T>(p, p + V(c.eps));
    if constexpr (SLOPED) {
      return V::blendv(V(c.negative_slope) * x, x, x > V(0)) * g;
    } else {
      return above * g;
    }
  }
};

// grad_output * s * g * (1 + 2n*h), h = eps / (p + eps) = 1 - g
template <typename T, int N, bool SLOPED>
struct Gradient {
  static inline Vectorized<T> at(Vectorized<T> grad_output, Vectorized<T> x, const Constants<T>& c) {
    using V = Vectorized<T>;
    const V p = power<T, N>(SLOPED ? x.abs() : at::vec::clamp_min(x, V(0)), c);
    const V denominator = p + V(c.eps);
    const V g = quotient<T>(p, denominator), h = quotient<T>(V(c.eps), denominator);
    const V derivative = g * at::vec::fmadd(V(static_cast<T>(2 * c.n)), h, V(1));
    if constexpr (SLOPED) {
      return grad_output * V::blendv(V(c.negative_slope) * derivative, derivative, x > V(0));
    } else {
      return grad_output * derivative;
    }
  }
};

// --- loops over flat memory -----------------------------------------------------------------------------

constexpr int64_t BLOCK = 256;            // elements: threads meet at multiples, so that loads stay aligned
constexpr int64_t GRAIN = 32768 / BLOCK;  // blocks worth a thread, as ATen has it

// Calls f(begin, end) on every part of [0, numel), in parallel where that pays.
template <typename F>
inline void parallel(int64_t numel, const F& f) {
  at::parallel_for(0, (numel + BLOCK - 1) / BLOCK, GRAIN, [&](int64_t begin, int64_t end) {
    f(begin * BLOCK, std::min(end * BLOCK, numel));
  });
}

// out[i] = f(in[i]...), computed in float for 16-bit types.
template <typename T, typename F, typename... In>
inline void loop(T* out, int64_t begin, int64_t end, const F& f, const In*... in) {
  using V = Vectorized<T>;
  constexpr int64_t W = V::size();
  const auto apply = [&](auto... v) {
    if constexpr (at::vec::is_reduced_floating_point_v<T>) {
      const auto low = f(std::get<0>(at::vec::convert_to_float<T>(v))...);
      const auto high = f(std::get<1>(at::vec::convert_to_float<T>(v))...);
      return at::vec::convert_from_float<T>(low, high);
    } else {
      return f(v...);
    }
  };
  int64_t i = begin;
  for (; i + W <= end; i += W) apply(V::loadu(in + i)...).store(out + i);
  if (i < end) apply(V::loadu(in + i, end - i)...).store(out + i, end - i);
}

// --- one function of the family -------------------------------------------------------------------------

struct Gem {
  std::optional<Constants<float>> narrow;  // for float32 and the 16-bit types; none where it cannot carry this
  std::optional<Constants<double>> wide;   // for float64
  py::object general;                      // (grad_output, x) -> grad_output * f'(x), for tensors of any kind

  bool serves(at::ScalarType dtype) const {
    switch (dtype) {
      case at::kDouble:
        return wide.has_value();
      case at::kFloat:
      case at::kHalf:
      case at::kBFloat16:
        return narrow.has_value();
      default:
        return false;
    }
  }
};

template <typename T>
Constants<at::opmath_type<T>> constants(const Gem& f) {
  if constexpr (std::is_same_v<T, double>) {
    return *f.wide;
  } else {
    return *f.narrow;
  }
}

template <typename T, template <typename, int, bool> class What, int N, bool SLOPED, typename... In>
void run(const Constants<at::opmath_type<T>> c, T* out, int64_t numel, const In*... in) {
  using F = What<at::opmath_type<T>, N, SLOPED>;
  parallel(numel, [&](int64_t begin, int64_t end) {
    loop(out, begin, end, [&](auto... v) { return F::at(v..., c); }, in...);
  });
}

template <typename T, template <typename, int, bool> class What, int N, typename... In>
void with_slope(const Gem& f, T* out, int64_t numel, const In*... in) {
  const auto c = constants<T>(f);
  if (c.negative_slope != 0) {
    run<T, What, N, true>(c, out, numel, in...);
  } else {
    run<T, What, N, false>(c, out, numel, in...);
  }
}

template <typename T, template <typename, int, bool> class What, typename... In>
void with_n(const Gem& f, const Tensor& out, const In&... in) {
  T* const to = static_cast<T*>(out.mutable_data_ptr());
  switch (constants<T>(f).n) {
    case 1:
      return with_slope<T, What, 1>(f, to, out.numel(), static_cast<const T*>(in.const_data_ptr())...);
    case 2:
      return with_slope<T, What, 2>(f, to, out.numel(), static_cast<const T*>(in.const_data_ptr())...);
    case 3:
      return with_slope<T, What, 3>(f, to, out.numel(), static_cast<const T*>(in.const_data_ptr())...);
    default:
      return with_slope<T, What, 0>(f, to, out.numel(), static_cast<const T*>(in.const_data_ptr())...);
  }
}

// Lets other Python threads run meanwhile, where that is worth the switch.
struct Released {
  explicit Released(int64_t numel) {
    if (numel >= 4096 && PyGILState_Check()) state.emplace();
  }
  std::optional<py::gil_scoped_release> state;
};

// out = What(in...): tensors of one dtype, in the same order in memory, without gaps.
template <template <typename, int, bool> class What, typename... In>
Tensor compute(const char* name, const Gem& f, Tensor out, const In&... in) {
  RECORD_FUNCTION(name, (std::array<c10::IValue, sizeof...(In)>{in...}));
  const Released released(out.numel());
  switch (out.scalar_type()) {
    case at::kFloat:
      with_n<float, What>(f, out, in...);
      break;
    case at::kDouble:
      with_n<double, What>(f, out, in...);
      break;
    case at::kHalf:
      with_n<at::Half, What>(f, out, in...);
      break;
    default:
      with_n<at::BFloat16, What>(f, out, in...);
  }
  return out;
}

Tensor forward(const Gem& f, const Tensor& x, const Tensor& out) {
  return compute<Value>("gem_impls::cpp_fused_forward", f, out, x);
}

Tensor backward(const Gem& f, const Tensor& grad_output, const Tensor& x, const Tensor& out) {
  return compute<Gradient>("gem_impls::cpp_fused_backward", f, out, grad_output, x);
}

// --- which calls are served here ------------------------------------------------------------------------

// Whether something is at work that wants to see operators: transforms, fake tensors, tracing, a dispatch mode.
bool observed() {
  constexpr c10::DispatchKeySet observers(
      {DispatchKey::Python, DispatchKey::FuncTorchDynamicLayerFrontMode, DispatchKey::VmapMode,
       DispatchKey::Functionalize, DispatchKey::Tracer});
  return c10::impl::tls_local_dispatch_key_set().included_.has_any(observers);
}

// Whether t is nothing but numbers in this machine's memory.
bool plain(const Tensor& t) {
  constexpr c10::DispatchKeySet more(
      {DispatchKey::Python, DispatchKey::FuncTorchBatched, DispatchKey::FuncTorchGradWrapper,
       DispatchKey::Batched, DispatchKey::Functionalize, DispatchKey::Negative, DispatchKey::Conjugate,
       DispatchKey::ZeroTensor});
  return t.device().is_cpu() && t.layout() == at::kStrided && !t.key_set().has_any(more);
}

bool alike(const Tensor& a, const Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes();
}

// Whether writing out, element by element, leaves what is still to be read of in.
bool writable(const Tensor& out, const Tensor& in) {
  return plain(out) && alike(out, in) && out.strides() == in.strides() &&
      (out.const_data_ptr() == in.const_data_ptr() || !out.storage().is_alias_of(in.storage()));
}

Tensor new_like(const Tensor& x) {
  return Tensor(at::detail::empty_strided_cpu(x.sizes(), x.strides(), x.scalar_type()));
}

// The tensor in a Python object, where it is one that can be served.
const Tensor* served(const Gem& f, py::handle object) {
  if (!THPVariable_CheckExact(object.ptr())) return nullptr;
  const Tensor& t = THPVariable_Unpack(object.ptr());
  return f.serves(t.scalar_type()) && plain(t) && t.is_non_overlapping_and_dense() ? &t : nullptr;
}

// --- autograd -------------------------------------------------------------------------------------------

struct Differentiable : torch::autograd::Function<Differentiable> {
  static Tensor forward(torch::autograd::AutogradContext* ctx, const Tensor& x, const Gem* f) {
    ctx->save_for_backward({x});
    ctx->saved_data["gem"] = reinterpret_cast<int64_t>(f);  // which is kept as long as the process
    return ::forward(*f, x, new_like(x));
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext* ctx, const torch::autograd::variable_list& grad_outputs) {
    const Gem& f = *reinterpret_cast<const Gem*>(ctx->saved_data["gem"].toInt());
    const Tensor x = ctx->get_saved_variables()[0];
    const Tensor& grad_output = grad_outputs[0];
    if (!grad_output.defined()) return {Tensor(), Tensor()};
    const bool twice = at::GradMode::is_enabled() && (grad_output.requires_grad() || x.requires_grad());
    if (twice || observed() || !plain(x) || !plain(grad_output) || !alike(grad_output, x)) {
      const py::gil_scoped_acquire gil;
      return {f.general(grad_output, x).cast<Tensor>(), Tensor()};
    }
    const Tensor dx = new_like(x);
    if (grad_output.strides() == x.strides()) return {::backward(f, grad_output, x, dx), Tensor()};
    return {::backward(f, dx.copy_(grad_output), x, dx), Tensor()};  // expanded, say: as sum() hands it back
  }
};

// --- for Python -----------------------------------------------------------------------------------------

py::object wrapped(const Tensor& t) { return py::reinterpret_steal<py::object>(THPVariable_Wrap(t)); }

py::object py_forward(const Gem& f, py::handle x_object, py::handle out_object) {
  const Tensor* const x = served(f, x_object);
  if (!x || observed()) return py::none();
  if (out_object.is_none()) return wrapped(forward(f, *x, new_like(*x)));
  const Tensor* const out = served(f, out_object);
  if (!out || !writable(*out, *x)) return py::none();
  forward(f, *x, *out);
  return py::reinterpret_borrow<py::object>(out_object);
}

py::object py_backward(
    const Gem& f, py::handle grad_output_object, py::handle x_object, py::handle out_object) {
  const Tensor* const x = served(f, x_object);
  const Tensor* const grad_output = served(f, grad_output_object);
  if (!x || !grad_output || !alike(*grad_output, *x) || grad_output->strides() != x->strides() || observed()) {
    return py::none();
  }
  if (out_object.is_none()) return wrapped(backward(f, *grad_output, *x, new_like(*x)));
  const Tensor* const out = served(f, out_object);
  if (!out || !writable(*out, *x) || !writable(*out, *grad_output)) return py::none();
  backward(f, *grad_output, *x, *out);
  return py::reinterpret_borrow<py::object>(out_object);
}

// For memory that Python has prepared, whoever observes: flat, and no two of them overlap in part.

void py_forward_into(const Gem& f, const Tensor& x, const Tensor& out) {
  TORCH_CHECK_VALUE(
      plain(x) && plain(out) && alike(x, out) && x.is_contiguous() && out.is_contiguous(),
      "x and out must be alike and contiguous");
  forward(f, x, out);
}

void py_backward_into(const Gem& f, const Tensor& grad_output, const Tensor& x, const Tensor& out) {
  TORCH_CHECK_VALUE(
      plain(grad_output) && alike(grad_output, x) && grad_output.is_contiguous() && plain(x) && plain(out) &&
          alike(x, out) && x.is_contiguous() && out.is_contiguous(),
      "grad_output, x and out must be alike and contiguous");
  backward(f, grad_output, x, out);
}

py::object py_differentiable(const Gem& f, py::handle x_object) {
  const Tensor* const x = served(f, x_object);
  if (!x || observed() || x->_fw_grad(/*level=*/0).defined()) return py::none();
  if (!x->requires_grad() || !at::GradMode::is_enabled()) return wrapped(forward(f, *x, new_like(*x)));
  return wrapped(Differentiable::apply(*x, &f));
}

using Numbers = std::optional<std::array<double, 4>>;

template <typename T>
std::optional<Constants<T>> constants_of(int64_t n, const Numbers& numbers) {
  if (!numbers) return std::nullopt;
  const auto [scale, eps, clamp, negative_slope] = *numbers;
  return Constants<T>{
      static_cast<T>(scale), static_cast<T>(eps), static_cast<T>(clamp), static_cast<T>(negative_slope), n};
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) {
  py::class_<Gem, std::unique_ptr<Gem, py::nodelete>>(module, "Gem")
      .def(py::init([](int64_t n, const Numbers& narrow, const Numbers& wide,
                       py::object general) {
        return new Gem{constants_of<float>(n, narrow), constants_of<double>(n, wide), std::move(general)};
      }))
      .def("forward", &py_forward)
      .def("backward", &py_backward)
      .def("forward_into", &py_forward_into)
      .def("backward_into", &py_backward_into)
      .def("differentiable", &py_differentiable);
}
