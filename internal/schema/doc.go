// Package schema writes the JSON Schemas in docs/schema from the types of the
// config and the documents, in a test: UPDATE_GOLDEN=1 go test ./internal/schema.
package schema
