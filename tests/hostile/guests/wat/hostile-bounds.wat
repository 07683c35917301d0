;; A policy whose answer, a denial, leads to violations beyond the end of its memory.
(module
  ;; ok, deny, then the address and number of its violations.
  (data (i32.const 512) "\00\00\00\00\03\00\00\00\f0\ff\ff\7f\02\00\00\00")
  (func (export "macadam:plugin/approval-policy@0.1.0#evaluate") (param i32) (result i32) (i32.const 512))

  ;; What every policy says of itself: the summary and a schema that takes anything.
  (data (i32.const 16) "\20\00\00\00\10\00\00\00\30\00\00\00\12\00\00\00")
  (data (i32.const 32) "A hostile policy")
  (data (i32.const 48) "{\"type\":\"object\"}")
  (func (export "macadam:plugin/plugin@0.1.0#describe") (result i32) (i32.const 16))
  (func (export "macadam:plugin/plugin@0.1.0#validate-settings") (param i32 i32) (result i32) (i32.const 0))

  ;; Memory for the arguments, never given back.
  (memory (export "memory") 16)
  (global $top (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and
        (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $top (i32.add (local.get $at) (local.get $new)))
    (local.get $at))
)
