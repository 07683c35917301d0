//! Objects are objects: a struct is read from a JSON object, and from nothing else.
//!
//! What `serde` derives takes an array for a struct as well, its elements in the order of the fields. So an array of some
//! texts made a resource, and an empty one was taken for a body in which everything is left out. The document has neither:
//! whoever sends one has sent something else than they meant, and is told so.
//!
//! [`Objects`] surrounds a deserializer, and everything that it hands on, and asks for a map where a struct is asked for.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

/// A deserializer, or a part of one, that reads structs from objects only.
#[derive(Debug)]
pub(crate) struct Objects<T>(pub(crate) T);

/// Methods of a deserializer that only hand on.
macro_rules! hand_on {
    ($($method:ident($($argument:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Self::Error> {
            self.0.$method($($argument,)* Objects(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_map(Objects(visitor))
    }

    hand_on! {
        deserialize_any() deserialize_bool()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_option() deserialize_unit()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_seq()
        deserialize_tuple(length: usize)
        deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_map()
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier() deserialize_ignored_any()
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// Methods of a visitor that only hand on.
macro_rules! hand_on_values {
    ($($method:ident($type:ty))*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.0.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Objects<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    hand_on_values! {
        visit_bool(bool)
        visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128)
        visit_f32(f32) visit_f64(f64) visit_char(char)
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
        visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Objects(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Objects(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Objects(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Objects(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Objects(variant))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Objects<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Objects(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Objects(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Objects<A> {
    type Error = A::Error;
    type Variant = Objects<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        self.0.variant_seed(Objects(seed)).map(|(variant, content)| (variant, Objects(content)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Objects(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Objects(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Objects(visitor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wish {
        name: String,
        #[serde(default)]
        place: Option<Place>,
        #[serde(default)]
        all: Vec<Place>,
        #[serde(default)]
        by_name: BTreeMap<String, Place>,
        #[serde(default)]
        pair: Option<(u8, u8)>,
        #[serde(default)]
        how: How,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Place {
        #[serde(default)]
        region: u8,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum How {
        #[default]
        Now,
        At(Place),
    }

    fn read(text: &str) -> Result<Wish, String> {
        let mut json = serde_json::Deserializer::from_str(text);
        let read = Wish::deserialize(Objects(&mut json)).map_err(|error| error.to_string());
        let part = serde_json::from_str(text).unwrap();
        let of_a_value = Wish::deserialize(Objects::<serde_json::Value>(part)).map_err(|error| error.to_string());
        assert_eq!(
            read.is_ok(),
            of_a_value.is_ok(),
            "text and a document that was read already are read alike: {text}"
        );
        read
    }

    #[test]
    fn an_array_is_no_object_however_deep_it_is() {
        for text in [
            "[]",
            r#"["a"]"#,
            r#"["a", null, [], {}, null, "now"]"#,
            r#"{"name": "a", "place": []}"#,
            r#"{"name": "a", "place": [1]}"#,
            r#"{"name": "a", "all": [{}, [1]]}"#,
            r#"{"name": "a", "by_name": {"b": [1]}}"#,
            r#"{"name": "a", "how": {"at": []}}"#,
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains("invalid type: sequence, expected struct"), "{text}: {error}");
        }
    }

    #[test]
    fn everything_else_is_read_as_it_was() {
        for text in [
            r#"{"name": "a"}"#,
            r#"{"name": "ä\n", "place": {"region": 1}, "all": [{}, {"region": 2}], "pair": [1, 2]}"#,
            r#"{"name": "a", "by_name": {"b": {"region": 255}}, "how": {"at": {"region": 3}}}"#,
            r#"{"name": "a", "place": null, "pair": null, "how": "now"}"#,
        ] {
            assert_eq!(read(text), serde_json::from_str::<Wish>(text).map_err(|error| error.to_string()), "{text}");
        }
        for text in ["null", "1", r#"{"name": "a", "nmae": "b"}"#, r#"{"name": 1}"#, r#"{"name": "a", "pair": [1]}"#] {
            assert_eq!(read(text).unwrap_err(), serde_json::from_str::<Wish>(text).unwrap_err().to_string(), "{text}");
        }
    }
}
