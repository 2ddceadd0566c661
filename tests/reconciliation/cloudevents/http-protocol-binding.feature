@http
Feature: HTTP protocol binding, in the shape of the CloudEvents project's own cases

    Background:
    Given HTTP Protocol Binding is supported

    Scenario Outline: Binary content mode (<contentType>)
    Given an HTTP request
        """
        POST /anywhere HTTP/1.1
        Host: example.org
        ce-specversion: 1.0
        ce-type: org.example.happened
        ce-time: 2026-03-02T09:00:00Z
        ce-id: %C3%A9-1
        ce-source: /here/and?there=1
        ce-comexampleextension: kept
        Content-Type: <contentType>

        {
            "message": "Grüezi"
        }
        """
    When parsed as HTTP request
    Then the attributes are:
        | key               | value                 |
        |                id | é-1                   |
        |       specversion | 1.0                   |
        |              type | org.example.happened  |
        |            source | /here/and?there=1     |
        |              time | 2026-03-02T09:00:00Z  |
        | comexampleextension | kept                |
        |   datacontenttype | <contentType>         |
    And the data is equal to the following JSON:
        """
        {"message": "Grüezi"}
        """
    Examples:
    | contentType                          |
    | application/json                     |
    | application/json; charset=utf-8      |
    | application/vnd.example+json         |

    Scenario Outline: Structured content mode (<contentType>)
    Given an HTTP request
        """
        POST /anywhere HTTP/1.1
        Host: example.org
        Content-Type: <contentType>

        {
            "specversion": "1.0",
            "type": "org.example.happened",
            "time": "2026-03-02T09:00:00Z",
            "id": "2",
            "source": "/here",
            "comexampleextension": 7,
            "data": {
                "message": "Grüezi"
            }
        }
        """
    When parsed as HTTP request
    Then the attributes are:
        | key               | value                 |
        |                id | 2                     |
        |       specversion | 1.0                   |
        |              type | org.example.happened  |
        |            source | /here                 |
        |              time | 2026-03-02T09:00:00Z  |
        | comexampleextension | 7                   |
    And the data is equal to the following JSON:
        """
        {"message": "Grüezi"}
        """
    Examples:
    | contentType                                 |
    | application/cloudevents+json                |
    | application/cloudevents+json; charset=utf-8 |
