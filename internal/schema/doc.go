// Package schema writes the JSON Schemas in docs/schema from the types of the
// config and the documents, in a test: go test ./internal/schema -update.
package schema
