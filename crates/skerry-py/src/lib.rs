//! `skerry._native`: the engine for Python. Bytes in, bytes out; the GIL is released wherever something waits.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use skerry_engine::engine;

/// For the engine's memory alone; Python keeps its own.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The request path of one PoP; see the stub for what it takes.
#[pyclass(frozen, module = "skerry._native")]
struct Engine {
    inner: Arc<engine::Engine>,
}

fn wrong(error: String) -> PyErr {
    PyValueError::new_err(error)
}

#[pymethods]
impl Engine {
    #[new]
    fn new(config: &[u8]) -> PyResult<Self> {
        engine::Engine::new(config).map(|inner| Engine { inner: Arc::new(inner) }).map_err(wrong)
    }

    fn apply(&self, py: Python<'_>, snapshot: &[u8]) -> PyResult<()> {
        let snapshot = snapshot.to_vec();
        py.detach(|| self.inner.apply(&snapshot)).map_err(wrong)
    }

    fn purge(&self, py: Python<'_>, request: &[u8]) -> PyResult<(u64, usize)> {
        let request = request.to_vec();
        py.detach(|| self.inner.purge(&request)).map_err(wrong)
    }

    fn share_journal(&self, py: Python<'_>, shares: bool) {
        py.detach(|| self.inner.share_journal(shares));
    }

    fn status<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let status = py.detach(|| self.inner.status().to_string());
        PyBytes::new(py, status.as_bytes())
    }

    fn explain_request<'py>(&self, py: Python<'py>, request_id: &str) -> Option<Bound<'py, PyBytes>> {
        let story = py.detach(|| self.inner.explain_request(request_id).map(|s| s.to_string()));
        story.map(|s| PyBytes::new(py, s.as_bytes()))
    }

    fn last_request(&self) -> Option<String> {
        self.inner.last_request()
    }

    fn explain_url<'py>(&self, py: Python<'py>, request: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let request = request.to_vec();
        let answer = py.detach(|| self.inner.explain_url(&request)).map_err(wrong)?;
        Ok(PyBytes::new(py, answer.to_string().as_bytes()))
    }

    fn run(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.inner.run()).map_err(PyRuntimeError::new_err)
    }

    fn drain(&self, py: Python<'_>, deadline_s: f64) {
        py.detach(|| self.inner.drain(Duration::from_secs_f64(deadline_s.clamp(0.0, 86_400.0))));
    }
}

/// The module.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::Engine;
}
