//! What a component needs, read from its bytes before anything is compiled.
//!
//! The bytes are a stranger's: they are validated first, and every count is bounded.

use wasmparser::{Parser, Payload, Validator};

/// The custom section that the SDK leaves in its guests. It grants nothing; it only says which allocator is inside.
const SDK_SECTION: &str = "macadam-sdk";

/// The size of a WebAssembly page in bytes.
const PAGE: u64 = 65_536;

/// What a component needs to start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// How many core modules it holds.
    pub core_modules: usize,
    /// How many memories they declare.
    pub memories: usize,
    /// How many tables they declare.
    pub tables: usize,
    /// The memory they start with, in bytes.
    pub initial_memory: u64,
    /// The elements of their largest table at the start.
    pub table_elements: u64,
    /// Whether it was built with the SDK and its allocator.
    pub built_with_sdk: bool,
    /// Whether it imports anything of WASI.
    pub imports_wasi: bool,
}

/// Bytes that are no component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ShapeError(String);

impl Shape {
    /// Validates a component and reads its shape.
    ///
    /// # Errors
    /// [`ShapeError`] says what is wrong, and where in the bytes.
    pub fn of(component: &[u8]) -> Result<Self, ShapeError> {
        if !Parser::is_component(component) {
            return Err(ShapeError("these bytes are not a WebAssembly component".to_owned()));
        }
        Validator::new().validate_all(component).map_err(|error| ShapeError(error.to_string()))?;
        let mut shape = Self::default();
        for payload in Parser::new(0).parse_all(component) {
            shape.note(payload.map_err(|error| ShapeError(error.to_string()))?)?;
        }
        Ok(shape)
    }

    fn note(&mut self, payload: Payload<'_>) -> Result<(), ShapeError> {
        let fail = |error: wasmparser::BinaryReaderError| ShapeError(error.to_string());
        match payload {
            Payload::ModuleSection { .. } => self.core_modules += 1,
            Payload::MemorySection(section) => {
                for memory in section {
                    let pages = memory.map_err(fail)?.initial;
                    self.memories += 1;
                    self.initial_memory = self.initial_memory.saturating_add(pages.saturating_mul(PAGE));
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.tables += 1;
                    self.table_elements = self.table_elements.max(table.map_err(fail)?.ty.initial);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    self.imports_wasi |= import.map_err(fail)?.name.name.starts_with("wasi:");
                }
            }
            Payload::CustomSection(section) if section.name() == SDK_SECTION => self.built_with_sdk = true,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_counts_what_nested_modules_declare() {
        let bytes = wat::parse_str(
            r#"(component (core module (memory 3) (table 7 funcref)) (core module (memory 2) (@custom "macadam-sdk" "1")))"#,
        )
        .unwrap();
        let shape = Shape::of(&bytes).unwrap();
        let expected = Shape {
            core_modules: 2,
            memories: 2,
            tables: 1,
            initial_memory: 5 * PAGE,
            table_elements: 7,
            built_with_sdk: true,
            imports_wasi: false,
        };
        assert_eq!(shape, expected);
    }

    #[test]
    fn bytes_that_are_no_component_are_refused_without_a_panic() {
        let good = wat::parse_str("(component (core module (memory 1)))").unwrap();
        assert!(Shape::of(b"").is_err());
        assert!(Shape::of(&wat::parse_str("(module)").unwrap()).is_err(), "a core module is no component");
        // Cut between two sections it is a smaller component; anywhere else it is none.
        let taken = (0..good.len()).filter(|end| Shape::of(&good[..*end]).is_ok()).count();
        assert!(taken <= 2, "a component cut inside of a section must be refused; {taken} cuts were taken");
    }
}
