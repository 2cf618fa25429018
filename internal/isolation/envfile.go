package isolation

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// maxEnv bounds the file that up writes, in bytes.
const maxEnv = 64 << 10

// readEnv reads lines KEY=VALUE; empty ones and those that start with # say
// nothing. Of equal keys the last one counts. An error names the line and does not
// quote it: it may hold a secret.
func readEnv(name string) (map[string]string, error) {
	f, err := os.Open(name) //nolint:gosec // a file in a folder of ours
	if err != nil {
		return nil, fmt.Errorf("read the environment that it wrote: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, maxEnv+1))
	if err != nil {
		return nil, fmt.Errorf("read the environment that it wrote: %w", err)
	}
	if len(data) > maxEnv {
		return nil, fmt.Errorf("it wrote more than %d KiB of environment; write the rest into a file and pass the file's path", maxEnv>>10)
	}
	vars := map[string]string{}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || !variable.MatchString(key) || strings.ContainsRune(value, 0) {
			return vars, fmt.Errorf("line %d of the file %s is not KEY=VALUE; correct what up writes into it", i+1, FileVariable)
		}
		vars[key] = value
	}
	return vars, nil
}
