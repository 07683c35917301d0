//! The three profiles, and what each engine is set to.
//!
//! The figures behind the choices are in `docs/benchmarks.md`; the settings that make equal input give equal output and
//! equal fuel are the same in all of them.

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::engine::shape::Shape;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What a component needs of the engine it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// For components built with the SDK: little memory, which rarely grows, protected by guard pages.
    Compact,
    /// For components with an allocator of their own, which grow memory in every call: bounds are checked in code, so
    /// that growing needs no system call.
    Stock,
    /// For languages that bring their runtime along: much memory and many core modules.
    Roomy,
}

impl Profile {
    /// Every profile, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Compact, Self::Stock, Self::Roomy];

    /// The profile's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Stock => "stock",
            Self::Roomy => "roomy",
        }
    }

    /// How many calls fit into one engine of this profile at once.
    #[must_use]
    pub const fn slots(self) -> u32 {
        match self {
            Self::Compact | Self::Stock => 256,
            Self::Roomy => 32,
        }
    }

    /// The most memory one call may have, in bytes.
    #[must_use]
    pub const fn max_memory(self) -> usize {
        match self {
            Self::Compact => 64 * MIB,
            Self::Stock => 16 * MIB,
            Self::Roomy => 256 * MIB,
        }
    }

    /// The most elements one table may have.
    #[must_use]
    pub const fn max_table(self) -> usize {
        match self {
            Self::Compact | Self::Stock => 10_000,
            Self::Roomy => 50_000,
        }
    }

    /// The smallest profile that a component fits into, with the memory its calls may have.
    #[must_use]
    pub fn for_shape(shape: &Shape, memory_limit: u64) -> Self {
        let small = shape.core_modules <= 4 && shape.memories <= 1 && shape.tables <= 2;
        let fits = |profile: Self| {
            memory_limit <= profile.max_memory() as u64 && shape.table_elements <= profile.max_table() as u64
        };
        match small {
            true if shape.built_with_sdk && fits(Self::Compact) => Self::Compact,
            true if fits(Self::Stock) => Self::Stock,
            _ => Self::Roomy,
        }
    }

    /// The engine's settings. Compiled code is bound to them, so they are part of the cache's key.
    #[must_use]
    pub fn config(self) -> Config {
        let mut config = Config::new();
        config.cranelift_opt_level(OptLevel::Speed);
        config.consume_fuel(true).epoch_interruption(true);
        // Equal input, equal output: NaN bits and relaxed SIMD would otherwise differ between processors.
        config.cranelift_nan_canonicalization(true).relaxed_simd_deterministic(true);
        // A backtrace names functions, for which neither is needed: unwind tables are for debuggers and have to be
        // registered with the process at every load, and the map from code to bytes of wasm is half of a code file.
        config.native_unwind_info(false).generate_address_map(false);
        config.memory_init_cow(true).table_lazy_init(true).async_stack_zeroing(false);
        config.max_wasm_stack(512 * KIB).async_stack_size(MIB);
        if self == Self::Stock {
            config.signals_based_traps(false).memory_guard_size(0).guard_before_linear_memory(false);
            config.memory_reservation(self.max_memory() as u64);
        }
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(self.pool()));
        config
    }

    /// The same settings for a process that only compiles: code does not depend on how instances are allocated, and a
    /// compiler needs no pool.
    #[must_use]
    pub fn compile_config(self) -> Config {
        let mut config = self.config();
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        config
    }

    fn pool(self) -> PoolingAllocationConfig {
        let slots = self.slots();
        // What one component may bring along: Python and QuickJS need up to 48 core instances, 5 memories and 6 tables.
        let (instances, memories, tables) = match self {
            Self::Compact | Self::Stock => (16, 1, 2),
            Self::Roomy => (200, 6, 8),
        };
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(slots).max_component_instance_size(MIB);
        pool.total_core_instances(slots.saturating_mul(instances.min(48))).max_core_instances_per_component(instances);
        pool.total_memories(slots * memories).max_memories_per_component(memories).max_memory_size(self.max_memory());
        pool.total_tables(slots * tables).max_tables_per_component(tables).table_elements(self.max_table());
        pool.total_stacks(slots);
        pool.max_unused_warm_slots(slots);
        // Small guests touch less than this, so their slots are reset by rewriting what `pagemap_scan` finds dirty,
        // without giving a page back. Kernels before 6.7 have no such call, and there more than 64 KiB costs more than
        // it saves.
        let resident = if self == Self::Roomy { 128 * KIB } else { 256 * KIB };
        pool.linear_memory_keep_resident(resident).table_keep_resident(8 * KIB).pagemap_scan(Enabled::Auto);
        pool
    }
}
