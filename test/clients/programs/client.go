// Go's net/http with the default client, which looks at the proxy variables by itself.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

type facts = map[string]any

func tell(cell string, said facts) {
	said["cell"] = cell
	line, _ := json.Marshal(said)
	fmt.Println(string(line))
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func read(cell string, answer *http.Response) {
	body := must(io.ReadAll(answer.Body))
	answer.Body.Close()
	said := facts{
		"status": answer.StatusCode,
		"sha256": fmt.Sprintf("%x", sha256.Sum256(body)),
		"http":   strings.TrimSuffix(strings.TrimPrefix(answer.Proto, "HTTP/"), ".0"),
	}
	if cell == "tunnel" {
		said["certificate"] = fmt.Sprintf("%x", sha256.Sum256(answer.TLS.PeerCertificates[0].Raw))
	}
	tell(cell, said)
}

func events(api string) {
	answer := must(http.Get(api + "/events"))
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if line := lines.Text(); strings.HasPrefix(line, "data: ") {
			must(http.Get(api + "/ack")).Body.Close()
			tell("events", facts{"event": strings.TrimPrefix(line, "data: ")})
		}
	}
}

func main() {
	api, elsewhere, file := os.Args[1], os.Args[2], os.Args[3]
	for _, cell := range os.Args[4:] {
		switch cell {
		case "upload":
			body := must(os.ReadFile(file))
			read(cell, must(http.Post(api+"/upload", "application/octet-stream", bytes.NewReader(body))))
		case "events":
			events(api)
		case "tunnel":
			read(cell, must(http.Get(elsewhere+"/get")))
		default:
			read(cell, must(http.Get(api+"/"+cell)))
		}
	}
}
