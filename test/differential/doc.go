// SPDX-License-Identifier: Apache-2.0

// Package differential holds tests alone: instance documents that are made from
// our schema, valid ones and damaged ones, in XML and the same ones in JSON, are
// judged by us and by yanglint (libyang), which must agree. Where both accept a
// document, what the oracle makes of it must be what we make of it: of XML its JSON
// with all defaults, of JSON its XML without, as data and as text (canonical values,
// JSON types, names), but for order.
//
// A test fails for a difference that is not listed with the sentence of the RFC
// that makes us right; see known.
//
// NSO_DIFFERENTIAL is the number of documents for each set of modules, NSO_SEED
// the seed.
package differential
