# LWP, told to look at the proxy variables.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use LWP::UserAgent;

my ($api, $elsewhere, $file, @cells) = @ARGV;
$| = 1;

# Without env_proxy it looks at no variable but those for certificates.
my $agent = LWP::UserAgent->new(env_proxy => 1, timeout => 20);

sub tell_cell { my ($cell, $facts) = @_; print qq({"cell":"$cell",$facts}\n) }

sub answered {
    my ($cell, $answer) = @_;
    print STDERR $answer->status_line, "\n", $answer->content, "\n" unless $answer->is_success;
    tell_cell($cell, sprintf '"status":%d,"sha256":"%s"', $answer->code, sha256_hex($answer->content));
}

sub events {
    my $text = '';
    my $on_data = sub {
        $text .= shift;
        while ($text =~ s/\Adata: (.*)\n\n//) {
            my $event = $1;
            LWP::UserAgent->new(env_proxy => 1, timeout => 20)->get("$api/ack");
            tell_cell('events', qq("event":"$event"));
        }
    };
    $agent->get("$api/events", ':content_cb' => $on_data, ':read_size_hint' => 64);
}

for my $cell (@cells) {
    if ($cell eq 'upload') {
        open my $handle, '<:raw', $file or die $!;
        my $body = do { local $/; <$handle> };
        answered($cell, $agent->post("$api/upload", 'Content-Type' => 'application/octet-stream', Content => $body));
    } elsif ($cell eq 'events') {
        events();
    } elsif ($cell eq 'tunnel') {
        answered($cell, $agent->get("$elsewhere/get"));
    } else {
        answered($cell, $agent->get("$api/$cell"));
    }
}
