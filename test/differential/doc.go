// SPDX-License-Identifier: Apache-2.0

// Package differential holds tests alone: instance documents that are made from
// our schema, valid ones and damaged ones, are judged by us and by yanglint
// (libyang), which must agree; and where both accept a document, the oracle's
// JSON of it, defaults included, must be the tree that we make.
//
// A test fails for a difference that is not listed with the sentence of the RFC
// that makes us right; see known.
//
// NSO_DIFFERENTIAL is the number of documents for each set of modules, NSO_SEED
// the seed.
package differential
