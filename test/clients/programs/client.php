<?php
// The curl extension, which looks at the proxy variables by itself.
[, $api, $elsewhere, $file] = $argv;

function tell(string $cell, array $facts): void
{
    echo json_encode(['cell' => $cell] + $facts), "\n";
}

function request(string $url, array $options = []): CurlHandle
{
    $handle = curl_init($url);
    // The order counts: a write function after RETURNTRANSFER takes its place.
    curl_setopt_array($handle, [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 20]);
    curl_setopt_array($handle, $options);
    return $handle;
}

function send(CurlHandle $handle): string|bool
{
    $body = curl_exec($handle);
    if (curl_errno($handle) !== 0) {
        fwrite(STDERR, curl_error($handle) . "\n");
        exit(1);
    }
    return $body;
}

function read(string $cell, CurlHandle $handle): void
{
    $body = send($handle);
    $http = curl_getinfo($handle, CURLINFO_HTTP_VERSION) === CURL_HTTP_VERSION_2_0 ? '2' : '1.1';
    $status = curl_getinfo($handle, CURLINFO_RESPONSE_CODE);
    tell($cell, ['status' => $status, 'sha256' => hash('sha256', $body), 'http' => $http]);
}

function events(string $api): void
{
    $text = '';
    $onData = function (CurlHandle $handle, string $chunk) use ($api, &$text): int {
        $text .= $chunk;
        while (($end = strpos($text, "\n\n")) !== false) {
            send(request("$api/ack"));
            tell('events', ['event' => substr($text, strlen('data: '), $end - strlen('data: '))]);
            $text = substr($text, $end + 2);
        }
        return strlen($chunk);
    };
    send(request("$api/events", [CURLOPT_WRITEFUNCTION => $onData]));
}

foreach (array_slice($argv, 4) as $cell) {
    if ($cell === 'upload') {
        $body = file_get_contents($file);
        $fields = ['Content-Type: application/octet-stream'];
        read($cell, request("$api/upload", [CURLOPT_POSTFIELDS => $body, CURLOPT_HTTPHEADER => $fields]));
    } elseif ($cell === 'events') {
        events($api);
    } elseif ($cell === 'tunnel') {
        $handle = request("$elsewhere/get", [CURLOPT_CERTINFO => true]);
        read($cell, $handle);
        $certificate = openssl_x509_fingerprint(curl_getinfo($handle, CURLINFO_CERTINFO)[0]['Cert'], 'sha256');
        tell($cell, ['certificate' => $certificate]);
    } else {
        read($cell, request("$api/$cell"));
    }
}
